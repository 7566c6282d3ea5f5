"""An order as it was at any moment, from its log alone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Model
from django.test import Client
from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.eventlog import provenance
from core.eventlog.replay import compare_row, rows_of
from core.models import Event
from core.refusals import NotFound
from core.tests.streams import draft_order
from orders.admin.page import in_address, moment_in
from orders.events import OrderAttentionRaised, OrderCanceled, OrderLineSet, OrderPaymentUpdated, OrderRefundUpdated
from orders.history import order_as_of
from orders.models import Item, Order
from orders.projections import OrderAggregate
from orders.tests.test_decisions import payment

MORNING = datetime(2026, 11, 24, 10, tzinfo=UTC)


def record(order_id: int, at: datetime, *facts: object) -> None:
    with freeze_time(at), provenance.acting("system:test"), transaction.atomic():
        order = OrderAggregate.load_locked(order_id)
        order.record(*facts)
        order.save()


def refunded(number: int, status: str, amount: int) -> OrderRefundUpdated:
    return OrderRefundUpdated(
        refund=f"re_{number}",
        payment_intent="pi_1",
        charge="",
        status=status,
        amount=amount,
        currency="usd",
        failure_reason="",
    )


happenings = st.one_of(
    st.builds(payment, st.sampled_from(["pi_1", "pi_2"]), amount=st.integers(1, 5000)),
    st.builds(refunded, st.integers(1, 3), st.sampled_from(["pending", "succeeded", "failed"]), st.integers(1, 500)),
    st.builds(OrderAttentionRaised, reason=st.sampled_from(["surplus", "disputed"])),
)


@pytest.mark.django_db
class TestAnOrderAsItWas:
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.lists(st.tuples(happenings, st.integers(0, 3)), max_size=8))
    def test_at_its_last_event_is_the_row_and_at_each_other_what_the_row_was(
        self, mug: Item, told: list[tuple[OrderPaymentUpdated | OrderRefundUpdated, int]]
    ) -> None:
        with freeze_time(MORNING):
            order_id = draft_order(mug).root.pk
        at = MORNING
        for fact, seconds in told:
            at += timedelta(seconds=seconds)
            record(order_id, at, fact)
            stored, past = OrderAggregate(Order.objects.get(pk=order_id), stored=True), order_as_of(order_id, at).order
            models: list[type[Model]] = [stored.root_model, *stored.child_models]
            for model in models:
                rows, folded = ({row.pk: row for row in rows_of(one, model)} for one in (stored, past))
                assert [d for key in rows | folded for d in compare_row("", rows.get(key), folded.get(key))] == []

    def test_is_led_to_from_event_to_event(self, mug: Item) -> None:
        with freeze_time(MORNING):
            order_id = draft_order(mug).root.pk
        record(order_id, MORNING + timedelta(hours=1), OrderLineSet(item=mug.pk, name="Mug", quantity=5, unit_amount=1))
        record(order_id, MORNING + timedelta(hours=2), OrderCanceled(reason="staff"))
        first, second, third = sorted(set(Event.objects.values_list("recorded_at", flat=True)))
        middle = order_as_of(order_id, MORNING + timedelta(minutes=90))
        assert ([line.quantity for line in middle.order.lines], middle.order.root.state) == ([5], "draft")
        assert (middle.before, middle.after) == (first, third)
        assert (order_as_of(order_id, first).before, order_as_of(order_id, third).after) == (None, None)
        assert order_as_of(order_id, third).before == second

    def test_was_not_there_before_it_began(self, mug: Item) -> None:
        with freeze_time(MORNING):
            order_id = draft_order(mug).root.pk
        with pytest.raises(NotFound):
            order_as_of(order_id, MORNING - timedelta(microseconds=1))


class TestAMoment:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-11-24T10:00", MORNING),
            ("2026-11-24T10:00:00Z", MORNING),
            (" 2026-11-24 12:00+02:00 ", MORNING),
            ("24.11.2026", None),
            ("2026-13-24T10:00", None),
        ],
    )
    def test_is_read_from_an_address(self, text: str, moment: datetime | None) -> None:
        assert moment_in(text) == moment

    def test_is_written_to_the_microsecond(self) -> None:
        at = MORNING + timedelta(microseconds=7)
        assert moment_in(in_address(at)) == at


@pytest.mark.django_db(transaction=True)
class TestThePage:
    def test_shows_the_past_and_offers_nothing(self, admin_client: Client, mug: Item) -> None:
        with freeze_time(MORNING):
            order_id = draft_order(mug).root.pk
        record(order_id, MORNING + timedelta(hours=1), OrderCanceled(reason="staff"))
        page = admin_client.get(f"/admin/orders/order/{order_id}/change/", {"at": "2026-11-24T10:30"})
        text = page.content.decode()
        assert "This is how it was at 24 November 2026, 10:30:00 UTC" in text
        assert page.context["order"].state == "draft"
        assert [row.kind for row in page.context["timeline"]] == ["order.drafted", "order.line_set"]
        assert f"/admin/orders/order/{order_id}/cancel/" not in text
        assert f"/admin/orders/order/{order_id}/note/" not in text
        assert "?at=2026-11-24T11:00:00" in text

    @pytest.mark.parametrize(
        ("at", "said"),
        [
            ("2026-11-24T09:59", "There was no such order yet. This is how it is now."),
            ("yesterday", "Write the moment as 2026-11-24T10:00, in UTC."),
        ],
    )
    def test_of_another_moment_is_that_of_now(self, admin_client: Client, mug: Item, at: str, said: str) -> None:
        with freeze_time(MORNING):
            order_id = draft_order(mug).root.pk
        page = admin_client.get(f"/admin/orders/order/{order_id}/change/", {"at": at})
        assert [str(message) for message in page.context["messages"]] == [said]
        assert "past" not in page.context
