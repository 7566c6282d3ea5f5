"""Refunds by line: what of a line was given back is Stripe's word, and never more than it cost."""

from importlib import import_module
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from core.eventlog.facts import decode
from core.eventlog.replay import Drift, check_rows
from core.models import Event
from orders.decisions.placing import decide_placing
from orders.decisions.refunding import (
    NOTHING_UNDER_WAY,
    OrderNotRefundable,
    RefundableLine,
    UnderWay,
    WantedRefund,
    refundable_lines,
    refuse_unless_refundable,
)
from orders.events import OrderRefundRequested, OrderRefundUpdated, RefundedLine, RefundPart
from orders.models import Item, Order, OrderLine, RefundRequest
from orders.projections import OrderAggregate
from orders.quote import PricedItem, quote_lines
from orders.services.refunding import refund_told
from orders.tests.shopping import deliver_all
from orders.tests.test_decisions import SHOPPER, learn, payment
from tests.simulated import SimulatedStripe


def order_of(*lines: tuple[int, int]) -> OrderAggregate:
    """A quantity and a unit price each, paid."""
    order = OrderAggregate.begin(1)
    items = [PricedItem(number, f"Item {number}", *line) for number, line in enumerate(lines, start=1)]
    learn(order, SHOPPER, payment(amount=sum(quantity * price for quantity, price in lines)))
    learn(order, decide_placing(order, quote_lines("usd", items)))
    return order


def asked(call_id: str, *parts: tuple[int, int, int]) -> OrderRefundRequested:
    """Of items, quantities and amounts."""
    lines = tuple(RefundedLine(item=item, quantity=quantity, amount=amount) for item, quantity, amount in parts)
    amount = sum(line.amount for line in lines)
    return OrderRefundRequested(call_id=call_id, payment_intent="pi_1", amount=amount, reason="duplicate", lines=lines)


def told(call_id: str, status: str, amount: int = 100) -> OrderRefundUpdated:
    return OrderRefundUpdated(
        refund=f"re_{call_id}",
        payment_intent="pi_1",
        charge="",
        status=status,
        amount=amount,
        currency="usd",
        failure_reason="",
        call_id=call_id,
    )


def given_back(order: OrderAggregate) -> list[tuple[int, int]]:
    return [(line.refunded_quantity, line.refunded) for line in order.lines]


class TestALine:
    def test_was_given_back_once_its_refund_has_succeeded(self) -> None:
        order = order_of((2, 500), (1, 300))
        learn(order, asked("c", (1, 1, 500)))
        assert given_back(order) == [(0, 0), (0, 0)]
        learn(order, told("c", "pending"))
        assert given_back(order) == [(0, 0), (0, 0)]
        learn(order, told("c", "succeeded"))
        assert given_back(order) == [(1, 500), (0, 0)]

    @pytest.mark.parametrize("status", ["failed", "canceled"])
    def test_is_back_when_its_refund_fails(self, status: str) -> None:
        order = order_of((2, 500))
        learn(order, asked("c", (1, 1, 500)), told("c", "succeeded"), told("c", status))
        assert given_back(order) == [(0, 0)]
        assert [(line.units, line.left) for line in refundable_lines(order, NOTHING_UNDER_WAY)] == [(2, 1000)]

    def test_ends_alike_in_whatever_order_it_is_told_of(self) -> None:
        facts = [asked("c", (1, 1, 500)), told("c", "succeeded"), asked("d", (1, 0, 100)), told("d", "succeeded")]
        ends = set()
        for sequence in permutations(facts):
            order = order_of((2, 500))
            learn(order, *sequence)
            ends.add(tuple(given_back(order)))
        assert ends == {((1, 600),)}

    def test_is_not_given_back_by_a_refund_that_nobody_here_asked_for(self) -> None:
        order = order_of((2, 500))
        learn(order, told("unknown", "succeeded"), told("", "succeeded"))
        assert given_back(order) == [(0, 0)]

    @pytest.mark.parametrize("metadata", [None, {}, {"call_id": "Jane Roe, 7 Elm Street"}, {"call_id": 7}, "call_id"])
    def test_is_linked_by_an_id_and_by_nothing_else(self, metadata: Any) -> None:
        refund = {
            "id": "re_1",
            "payment_intent": "pi_1",
            "charge": None,
            "status": None,
            "amount": 1,
            "currency": "usd",
        }
        assert refund_told(refund | {"metadata": metadata}).call_id == ""


class TestWhatIsLeft:
    def want(self, order: OrderAggregate, *parts: tuple[int, int, int], **fields: Any) -> None:
        lines = asked("c", *parts).lines
        amount = fields.get("amount", sum(line.amount for line in lines))
        part = RefundPart(payment_intent="pi_1", amount=amount)
        wanted = WantedRefund(parts=(part,), reason="duplicate", lines=lines)
        refuse_unless_refundable(order, wanted, fields.get("under_way", NOTHING_UNDER_WAY))

    @pytest.mark.parametrize(
        ("parts", "reason"),
        [
            ([(1, 0, 1001)], "line_not_left"),
            ([(1, 3, 900)], "units_not_left"),
            ([(1, -1, 900)], "units_not_left"),
            ([(1, 1, 0), (2, 1, 300)], "line_not_left"),
            ([(7, 1, 100)], "no_such_line"),
            ([(1, 1, 100), (1, 1, 100)], "no_such_line"),
        ],
    )
    def test_is_the_most_that_is_given_back(self, parts: list[tuple[int, int, int]], reason: str) -> None:
        with pytest.raises(OrderNotRefundable) as refused:
            self.want(order_of((2, 500), (1, 300)), *parts)
        assert refused.value.reason == reason

    def test_is_without_what_stripe_has_not_answered_about(self) -> None:
        order = order_of((2, 500))
        learn(order, asked("open", (1, 1, 500)), asked("lost", (1, 1, 500)))
        under_way = UnderWay(amounts={"pi_1": 500}, calls={"open"})
        self.want(order, (1, 1, 500), under_way=under_way)
        with pytest.raises(OrderNotRefundable, match=r"\$5\.00 is left of this line"):
            self.want(order, (1, 1, 501), amount=501, under_way=UnderWay(amounts={}, calls={"open"}))

    def test_adds_up_to_the_amount(self) -> None:
        with pytest.raises(OrderNotRefundable, match="do not add up"):
            self.want(order_of((2, 500)), (1, 1, 500), amount=400)

    def test_was_paid_by_money_that_counts(self) -> None:
        order = order_of((2, 500))
        learn(order, payment("pi_2", currency="eur"))
        part = RefundPart(payment_intent="pi_2", amount=500)
        wanted = WantedRefund(parts=(part,), reason="duplicate", lines=asked("c", (1, 1, 500)).lines)
        with pytest.raises(OrderNotRefundable, match="it paid no line"):
            refuse_unless_refundable(order, wanted, NOTHING_UNDER_WAY)

    @given(st.integers(1, 40), st.integers(0, 100_000), st.sampled_from([1, 10, 100]), st.data())
    def test_is_given_back_unit_by_unit_to_the_last_minor_unit(
        self, quantity: int, total: int, step: int, data: st.DataObject
    ) -> None:
        total, units, left = total // step * step, quantity, total // step * step
        while units:
            line = RefundableLine(item=1, name="", quantity=quantity, total=total, units=units, left=left, step=step)
            taken = data.draw(st.integers(1, units))
            amount = line.amount_of(taken)
            assert 0 <= amount <= left
            assert amount % step == 0
            units, left = units - taken, left - amount
        assert left == 0


class TestOldEvents:
    def test_stay_readable(self) -> None:
        old = {"call_id": "c", "payment_intent": "pi_1", "amount": 5, "reason": "duplicate"}
        assert decode("order.refund_requested", 1, old).lines == ()
        told_before: dict[str, Any] = {"refund": "re_1", "payment_intent": "pi_1", "charge": "", "status": "succeeded"}
        told_before |= {"amount": 5, "currency": "usd", "failure_reason": ""}
        assert decode("order.refund_updated", 1, told_before).call_id == ""


@pytest.mark.django_db(transaction=True)
class TestTheForm:
    @pytest.fixture
    def order(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
        """Three mugs of $18.50 and a tote of $64.00."""
        tote = Item.objects.create(name="Tote", price=6400, currency="usd")
        for item, quantity in ((mug, 3), (tote, 1)):
            shopper.post(
                "/basket/items", {"item": item.pk, "quantity": quantity}, headers={"Accept": "application/json"}
            )
        bought = shopper.post("/basket/checkout", headers={"Accept": "application/json"}).json()
        stripe_side.pay(bought["url"])
        deliver_all(shopper, stripe_side)
        return Order.objects.get(state="paid")

    def post(self, client: Client, order: Order, **fields: Any) -> Any:
        intent = order.payments.first().payment_intent  # type: ignore[union-attr]
        form = {"payment": intent, "how": "lines", "reason": "duplicate", "call_id": str(uuid4()), **fields}
        return client.post(f"/admin/orders/order/{order.pk}/refund/", form, follow=True)

    def test_gives_lines_back_once_however_often_it_is_sent(
        self, admin_client: Client, order: Order, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        call_id = str(uuid4())
        for _ in range(2):
            answer = self.post(admin_client, order, **{f"units_{mug.pk}": "2"}, call_id=call_id)
            assert [str(message) for message in answer.context["messages"]] == ["Stripe accepted the refund of $37.00."]
        assert [one["amount"] for one in stripe_side.objects("refund")] == [3700]
        line = OrderLine.objects.get(item=mug)
        assert (line.refunded_quantity, line.refunded) == (2, 3700)
        told_of = Event.objects.get(kind="order.refund_requested")
        assert told_of.data["lines"] == [{"item": mug.pk, "quantity": 2, "amount": 3700}]
        sentences = [row.sentence for row in answer.context["timeline"]]
        assert "A refund of $37.00 was asked for, for 2 x Enamel mug: duplicate" in sentences
        deliver_all(admin_client, stripe_side)
        assert list(check_rows()) == []

    def test_offers_what_is_left_of_each_line(
        self, admin_client: Client, order: Order, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        tote = Item.objects.get(name="Tote")
        self.post(admin_client, order, **{f"units_{mug.pk}": "3", f"part_{tote.pk}": "10"})
        assert [one["amount"] for one in stripe_side.objects("refund")] == [6550]
        page = admin_client.get(f"/admin/orders/order/{order.pk}/refund/")
        assert [(line.name, left) for line, left, _, _ in page.context["form"].line_rows] == [("Tote", "$54.00")]

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({}, "Say how many of which line, or how much of it, is given back."),
            ({"units": "4"}, "Ensure this value is less than or equal to 3."),
            ({"units": "1", "part": "5"}, "Write a quantity or an amount, not both."),
            ({"part": "much"}, "Write the amount in figures"),
            ({"part": "55.51"}, "This can&#x27;t be refunded: $55.50 is left of this line."),
        ],
    )
    def test_says_what_is_wrong(
        self,
        admin_client: Client,
        order: Order,
        mug: Item,
        stripe_side: SimulatedStripe,
        fields: dict[str, str],
        problem: str,
    ) -> None:
        named = {f"{name}_{mug.pk}": value for name, value in fields.items()}
        page = self.post(admin_client, order, **named).content.decode()
        assert problem in page
        assert not stripe_side.objects("refund")

    def test_of_lines_asked_for_before_there_were_rows_is_folded_by_the_migration(
        self, admin_client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        self.post(admin_client, order, how="amount", amount="5")
        RefundRequest.objects.all().delete()
        assert [finding.column for finding in check_rows() if isinstance(finding, Drift)] == ["*"]
        with connection.cursor() as cursor:
            cursor.execute(import_module("orders.migrations.0005_refund_requests").FOLD)
        assert list(check_rows()) == []
