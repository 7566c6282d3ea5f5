"""The orders in each state, counted from the log: what the rows themselves say, in whatever order the log is read."""

from collections import Counter

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.eventlog import following
from core.eventlog.refolding import check_projection
from core.models import Event
from core.tests.streams import draft_order
from orders.models import Item, Order, StateCount
from orders.states import states
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe


def counted() -> dict[str, int]:
    return dict(StateCount.objects.exclude(count=0).values_list("state", "count"))


def standing() -> dict[str, int]:
    return dict(Counter(Order.objects.values_list("state", flat=True)))


@pytest.mark.django_db(transaction=True)
class TestTheCounts:
    def test_are_those_of_the_orders_and_what_a_rebuild_makes(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        draft_order(mug)
        draft_order(mug, canceled=True)
        bought = buy(shopper, mug)
        following.follow(states)
        assert counted() == standing() == {"draft": 1, "canceled": 1, "pending": 1}
        stripe_side.pay(bought["url"])
        deliver_all(shopper, stripe_side)
        following.follow(states)
        assert counted() == standing() == {"draft": 1, "canceled": 1, "paid": 1}
        charge = stripe_side.objects("charge")[0]
        for part, state in ((1, "partially_refunded"), (charge["amount"] - 1, "refunded")):
            stripe_side.refund(charge["id"], amount=part)
            deliver_all(shopper, stripe_side)
            following.follow(states)
            assert counted() == standing() == {"draft": 1, "canceled": 1, state: 1}
        assert list(check_projection(states)) == []
        following.rebuild(states)
        assert counted() == standing()

    def test_that_are_wrong_are_found(self, mug: Item) -> None:
        draft_order(mug)
        following.follow(states)
        StateCount.objects.update(count=2)
        [found] = check_projection(states)
        assert (found.as_json()["column"], found.as_json()["stored"]) == ("count", "2")


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(randomness=st.randoms(use_true_random=False), size=st.integers(1, 6))
def test_the_order_and_the_batches_of_the_tail_change_nothing(mug: Item, randomness: object, size: int) -> None:
    if not Event.objects.exists():
        for canceled in (True, False, True):
            draft_order(mug, canceled=canceled)
    StateCount.objects.all().delete()
    events = list(Event.objects.all())
    randomness.shuffle(events)  # type: ignore[attr-defined]
    for start in range(0, len(events), size):
        states.project(events[start : start + size])
    assert counted() == {"draft": 1, "canceled": 2}
