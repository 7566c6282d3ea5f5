"""How many round trips a delivery takes, what a duplicate leaves, and what becomes of one whose wire is cut."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.eventlog.replay import check_rows
from core.models import Event
from core.tests.wire import Wire, counted_wire
from orders.models import Item, Order
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery, DeliveryState, PaymentLink

pytestmark = pytest.mark.django_db(transaction=True)

PAID = ["order.checkout_closed", "order.payment_updated", "order.paid"]


@pytest.fixture
def event(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> dict[str, Any]:
    """What tells us that the order was paid; nothing has been told yet."""
    stripe_side.pay(shopper.get(f"/buy/{mug.pk}").json()["url"])
    told: dict[str, Any] = stripe_side.event("checkout.session.completed")
    return told


@pytest.fixture
def wire() -> Iterator[Wire]:
    with counted_wire() as wire:
        yield wire


class TestADelivery:
    def test_is_handled_in_two_round_trips(self, wire: Wire, event: dict[str, Any]) -> None:
        wire.count()
        with CaptureQueriesContext(connection) as captured:
            assert post_event(Client(), event).json()["state"] == "handled"
        assert (wire.trips, len(captured)) == (2, 15)
        assert list(Event.objects.filter(cause=event["id"]).order_by("position").values_list("kind", flat=True)) == PAID
        assert list(check_rows()) == []

    def test_that_tells_nothing_new_takes_two_as_well(self, wire: Wire, event: dict[str, Any]) -> None:
        post_event(Client(), event)
        wire.count()
        post_event(Client(), event | {"id": "evt_twin"})
        assert wire.trips == 2
        assert Delivery.objects.get(event_id="evt_twin").reason == "changed_nothing"

    def test_of_a_type_that_we_do_not_handle_takes_two(self, wire: Wire, event: dict[str, Any]) -> None:
        wire.count()
        with CaptureQueriesContext(connection) as captured:
            post_event(Client(), event | {"type": "customer.created"})
        assert (wire.trips, len(captured)) == (2, 5)
        assert not Event.objects.filter(cause=event["id"]).exists()

    def test_of_a_refund_takes_two(self, wire: Wire, event: dict[str, Any], stripe_side: SimulatedStripe) -> None:
        post_event(Client(), event)
        stripe_side.refund(stripe_side.objects("charge")[0]["id"])
        told = stripe_side.event("refund.created")
        wire.count()
        assert post_event(Client(), told).json()["state"] == "handled"
        assert wire.trips == 2
        assert Order.objects.get().state == "refunded"


class TestADuplicate:
    def test_is_known_after_one_trip_and_ends_with_one_that_says_nothing(
        self, wire: Wire, event: dict[str, Any]
    ) -> None:
        post_event(Client(), event)
        wire.count()
        assert post_event(Client(), event).json()["state"] == "handled"
        assert wire.trips == 2

    @pytest.mark.parametrize("event_type", ["checkout.session.completed", "customer.created"])
    def test_writes_nothing_and_locks_nothing(self, event: dict[str, Any], event_type: str) -> None:
        told = event | {"type": event_type}
        post_event(Client(), told)
        before = traces()
        assert post_event(Client(), told).status_code == 200
        assert traces() == before


def traces() -> list[Any]:
    """Whatever a write or a lock leaves on the rows that a delivery is about, and the ids that were drawn."""
    with connection.cursor() as cursor:
        found: list[Any] = []
        for model in (Delivery, PaymentLink, Order):
            table = model._meta.db_table
            cursor.execute(f"SELECT ctid, xmin, xmax, id FROM {table}")  # noqa: S608 our own name
            found += cursor.fetchall()
            cursor.execute("SELECT last_value FROM pg_sequences WHERE sequencename = %s", [f"{table}_id_seq"])
            found += cursor.fetchall()
    return found


class TestAConnection:
    def test_that_was_lost_while_nobody_used_it_is_made_anew(self, event: dict[str, Any]) -> None:
        connection.ensure_connection()
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        assert post_event(Client(), event).json()["state"] == "handled"
        assert Order.objects.get().state == "paid"


def post(event: dict[str, Any]) -> Any:
    """In a thread with a connection of its own, which is there already: a first one would be tried again."""
    connection.ensure_connection()
    try:
        return post_event(Client(), event)
    finally:
        connection.close()


def post_to_be_held(wire: Wire, event: dict[str, Any]) -> Any:
    wire.count()
    wire.hold_at = 2
    return post(event)


def post_while_the_first_is_held(first: dict[str, Any], second: dict[str, Any], *, is_cut: bool = False) -> None:
    """Both are handled, the second one not before the first one goes on."""
    with counted_wire() as wire, ThreadPoolExecutor(2) as posts:
        held = posts.submit(post_to_be_held, wire, first)
        assert wire.is_held.wait(10)
        waiting = posts.submit(post, second)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        assert not held.done()
        if is_cut:
            wire.cut.set()
        wire.released.set()
        answers = [one.result(timeout=10) for one in (held, waiting)]
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "handled")] * 2


class TestTwoPostsAtOnce:
    """The first one's wire is held where it would write and commit; it then goes on, or is cut."""

    @pytest.mark.parametrize("is_cut", [False, True], ids=["commits", "is cut"])
    def test_are_one_effect_and_none_is_acknowledged_before_it_is_durable(
        self, event: dict[str, Any], is_cut: bool
    ) -> None:
        post_while_the_first_is_held(event, event, is_cut=is_cut)
        assert Delivery.objects.get().attempts == 1
        assert Delivery.objects.get().state == DeliveryState.HANDLED
        assert list(Event.objects.filter(cause=event["id"]).order_by("position").values_list("kind", flat=True)) == PAID
        assert list(check_rows()) == []

    def test_of_what_waits_and_what_it_waits_for_do_not_wait_for_each_other(
        self, event: dict[str, Any], stripe_side: SimulatedStripe
    ) -> None:
        """The order's event adopts the refund's, which is posted again meanwhile."""
        stripe_side.refund(stripe_side.objects("charge")[0]["id"])
        waiting = stripe_side.event("refund.created")
        assert post_event(Client(), waiting).json()["state"] == "waiting"
        post_while_the_first_is_held(event, waiting)
        assert Order.objects.get().state == "refunded"
        assert list(check_rows()) == []
