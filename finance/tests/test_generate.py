"""Generated orders are as true as real ones: whole chains, rows that are the fold of them, and a log that can be
followed.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Count

from billing.models import StripeCall
from core.eventlog.replay import check_rows
from core.eventlog.tail import read_settled
from core.eventlog.verify import verify_log
from core.models import Event
from core.tests.streams import draft_order
from finance.models import Payout, ReconciliationException
from finance.selectors.reconciliation import open_exceptions
from orders.models import Item, Order, OrderLine, OrderState, RefundApproval, StaffNote
from orders.services.drafting import next_order_id
from webhooks.management.generating.catalogue import load_assortment
from webhooks.management.generating.copying import CHUNK, Plan, Rows, add_order
from webhooks.models import Delivery, HandlingRequest, PaymentLink

pytestmark = pytest.mark.django_db(transaction=True)

UNTIL = "2026-11-25T12:00:00"


def generate(orders: int, **options: Any) -> None:
    call_command("generate", "--orders", str(orders), "--until", UNTIL, **{"processes": 1, **options})


def digests_of_seed(seed: int) -> list[bytes]:
    end = datetime(2026, 11, 25, tzinfo=UTC)
    wares = load_assortment()
    plan = Plan(orders=50, first_id=1, seed=seed, begin=end - timedelta(days=9), end=end, with_stripe=True, wares=wares)
    rows, chance = Rows(), Random(seed)  # noqa: S311 as in the generator
    for index in range(50):
        add_order(rows, plan, plan.story(index, chance))
    return [event["digest"] for event in rows.events]


class TestGenerating:
    def test_gives_rows_that_are_the_fold_of_whole_chains(self) -> None:
        generate(300)
        assert list(check_rows()) == []
        assert list(verify_log()) == []
        assert Order.objects.count() == 300

    def test_makes_of_everything_something(self) -> None:
        generate(2000)
        states = Counter(Order.objects.values_list("state", flat=True))
        assert set(states) == {str(state) for state in OrderState}
        assert states["paid"] > 1000
        reasons = {reason for order in Order.objects.exclude(attention=[]) for reason in order.attention}
        assert {"disputed", "surplus"} <= reasons
        assert set(Order.objects.values_list("currency", "account").distinct()) == {
            ("usd", "default"),
            ("jpy", "default"),
            ("eur", "euro"),
        }
        assert OrderLine.objects.values("order").annotate(lines=Count("pk")).filter(lines__gt=2).exists()
        assert 5 < Event.objects.filter(stream__startswith="order-").count() / 2000 < 7.5
        assert StripeCall.objects.count() > 1000
        assert Delivery.objects.filter(order_id__isnull=False).count() > 2000
        assert PaymentLink.objects.count() > 1000
        for model in (StaffNote, RefundApproval, HandlingRequest, Payout, ReconciliationException):
            assert model._default_manager.count() >= 5, model
        assert 0 < open_exceptions().count() < ReconciliationException.objects.count()

    def test_leaves_a_log_that_is_followed_to_its_end(self) -> None:
        generate(50)
        assert len(read_settled(None, 10_000)) == Event.objects.count()

    def test_in_several_processes_gives_all_of_it(self) -> None:
        generate(CHUNK + 100, processes=2, orders_alone=True)
        assert Order.objects.count() == CHUNK + 100
        assert list(check_rows()) == []

    def test_tells_the_same_stories_for_the_same_seed(self) -> None:
        [first, again, other] = [digests_of_seed(seed) for seed in (1, 1, 2)]
        assert first == again
        assert not set(first) & set(other)

    def test_leaves_ids_for_the_orders_after_it(self) -> None:
        generate(10)
        assert next_order_id() == Order.objects.latest("pk").pk + 1


class TestItRefuses:
    def test_a_database_with_orders(self, mug: Item) -> None:
        draft_order(mug)
        with pytest.raises(CommandError, match="there are orders already"):
            generate(10)
        generate(10, add=True)
        assert Order.objects.count() == 11
        assert list(check_rows()) == []

    def test_outside_the_demo(self, settings: Any) -> None:
        settings.DEMO = False
        with pytest.raises(CommandError, match="only in the demo"):
            generate(10, add=True)
        assert not Order.objects.exists()

    def test_no_orders(self) -> None:
        with pytest.raises(CommandError, match="begin at 1"):
            generate(0)
