"""What of an order's money can be given back, without a database: facts in, facts out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.decisions.approving import Authority, decide_refunding
from orders.decisions.money import decide_settlement
from orders.decisions.refunding import (
    NOTHING_UNDER_WAY,
    OrderNotRefundable,
    UnderWay,
    WantedRefund,
    refundable,
    surplus_parts,
    surplus_to_return,
)
from orders.events import (
    OrderCanceled,
    OrderDisputeUpdated,
    OrderRefundRequested,
    OrderRefundUpdated,
    RefundPart,
)
from orders.projections import OrderAggregate
from orders.sums import REFUND_RANK, REFUNDS_UNDONE
from orders.tests.test_decisions import NOW, learn, payment, placed_order

INTENTS = ("pi_1", "pi_2", "pi_3")


def refund(intent: str, amount: int, status: str = "succeeded", number: int = 1) -> OrderRefundUpdated:
    return OrderRefundUpdated(
        refund=f"re_{intent}_{number}",
        payment_intent=intent,
        charge="",
        status=status,
        amount=amount,
        currency="usd",
        failure_reason="",
    )


def order_with(*amounts: int, total: int = 1000) -> OrderAggregate:
    """One payment an hour of so much each, `pi_1` first."""
    order = placed_order(total)
    for number, amount in enumerate(amounts):
        order.apply(payment(INTENTS[number], amount=amount), NOW + timedelta(hours=number))
        learn(order, *decide_settlement(order))
    return order


def parts(order: OrderAggregate, **under_way: int) -> list[tuple[str, int]]:
    return [
        (payment.payment_intent, part) for payment, part in surplus_parts(order, UnderWay(amounts=under_way, calls=()))
    ]


class TestARefund:
    def ask(self, order: OrderAggregate, amount: int, intent: str = "pi_1", **under_way: int) -> Any:
        wanted = WantedRefund(parts=(RefundPart(payment_intent=intent, amount=amount),), reason="duplicate")
        [asked] = decide_refunding(
            order,
            wanted,
            request_id="c",
            call_ids={intent: "c"},
            authority=Authority(actor="staff:1", is_unlimited=False, limits={}),
            under_way=UnderWay(amounts=under_way, calls=()),
        )
        return asked

    def test_is_of_what_came_in_and_was_neither_given_nor_asked_back(self) -> None:
        order = order_with(1000)
        learn(order, refund("pi_1", 300), refund("pi_1", 100, "pending", 2), refund("pi_1", 500, "failed", 3))
        assert self.ask(order, 400, pi_1=200).amount == 400
        with pytest.raises(OrderNotRefundable) as refused:
            self.ask(order, 401, pi_1=200)
        assert (refused.value.reason, refused.value.amount, refused.value.currency) == ("not_left", 400, "usd")

    @pytest.mark.parametrize("amount", [0, -1])
    def test_of_nothing_is_refused(self, amount: int) -> None:
        with pytest.raises(OrderNotRefundable):
            self.ask(order_with(1000), amount)

    def test_of_money_that_is_not_counted_is_in_its_own_currency(self) -> None:
        order = placed_order()
        learn(order, payment(currency="jpy", amount=700))
        [one] = refundable(order, NOTHING_UNDER_WAY)
        assert (one.left, one.currency, one.is_counted) == (700, "jpy", False)
        assert self.ask(order, 700).amount == 700

    def test_of_a_payment_that_failed_is_refused(self) -> None:
        order = placed_order()
        learn(order, payment(status="failed"))
        with pytest.raises(OrderNotRefundable, match="no such payment came in"):
            self.ask(order, 1)


class TestTheLimit:
    @given(st.lists(st.tuples(st.integers(1, 700), st.sampled_from(["open", *REFUND_RANK])), max_size=12))
    def test_is_not_exceeded_by_what_stands_whatever_became_of_each(self, asked: list[tuple[int, str]]) -> None:
        order = order_with(20_000, total=20_000)
        alone = Authority(actor="staff:1", is_unlimited=False, limits={"*": 1000})
        under_way, given = UnderWay(amounts={}, calls=()), 0
        for number, (amount, became) in enumerate(asked):
            wanted = WantedRefund(parts=(RefundPart(payment_intent="pi_1", amount=amount),), reason="duplicate")
            [decided] = decide_refunding(
                order,
                wanted,
                request_id=f"a{number}",
                call_ids={"pi_1": f"c{number}"},
                authority=alone,
                under_way=under_way,
            )
            assert isinstance(decided, OrderRefundRequested) == (given + amount <= 1000)
            learn(order, decided)
            if isinstance(decided, OrderRefundRequested) and became not in REFUNDS_UNDONE:
                given += amount
            if became == "open":
                under_way = UnderWay(amounts={}, calls={*under_way.calls, f"c{number}"})
            elif isinstance(decided, OrderRefundRequested):
                learn(order, replace(refund("pi_1", amount, became, number), call_id=f"c{number}"))
            assert given <= 1000


class TestSurplus:
    def test_is_returned_from_the_newest_payments(self) -> None:
        assert parts(order_with(600, 900, 300)) == [("pi_3", 300), ("pi_2", 500)]

    def test_of_a_canceled_order_is_all_that_came_in(self) -> None:
        order = placed_order()
        learn(order, OrderCanceled(reason="test"), payment("pi_1", amount=600), payment("pi_2", amount=300))
        assert parts(order) == [("pi_2", 300), ("pi_1", 600)]

    def test_counts_what_is_on_its_way_back_as_given(self) -> None:
        order = order_with(1000, 1000)
        learn(order, refund("pi_2", 600, "pending"))
        assert parts(order) == [("pi_2", 400)]
        assert parts(order, pi_2=400) == []

    def test_is_returned_from_a_disputed_payment_last(self) -> None:
        order = order_with(1000, 1000)
        dispute = OrderDisputeUpdated(
            dispute="du_1",
            payment_intent="pi_2",
            charge="",
            status="needs_response",
            amount=1000,
            currency="usd",
            reason="fraudulent",
            due_by=None,
        )
        learn(order, dispute)
        assert parts(order) == [("pi_1", 1000)]

    def test_is_not_what_can_not_be_counted(self) -> None:
        order = order_with(1000)
        learn(order, payment("pi_9", currency="eur", amount=5000))
        assert parts(order) == []

    @pytest.mark.parametrize("amount", [999, 1001])
    def test_is_returned_as_it_was_agreed_to_or_not_at_all(self, amount: int) -> None:
        with pytest.raises(OrderNotRefundable, match=r"the surplus is \$10\.00 now"):
            surplus_to_return(order_with(1000, 1000), amount=amount, under_way=NOTHING_UNDER_WAY)

    def test_where_there_is_none_is_refused(self) -> None:
        with pytest.raises(OrderNotRefundable, match="no more came in than is due"):
            surplus_to_return(order_with(1000), amount=0, under_way=NOTHING_UNDER_WAY)

    @given(
        st.lists(st.integers(min_value=1, max_value=5000), min_size=1, max_size=3),
        st.integers(min_value=50, max_value=8000),
        st.lists(st.tuples(st.sampled_from(INTENTS), st.integers(1, 500), st.booleans()), max_size=6),
    )
    def test_once_returned_leaves_what_is_due(
        self, amounts: list[int], total: int, given_back: list[tuple[str, int, bool]]
    ) -> None:
        order = order_with(*amounts, total=total)
        for number, (intent, amount, is_pending) in enumerate(given_back):
            left = {one.payment_intent: one.left for one in refundable(order, NOTHING_UNDER_WAY)}
            if amount <= left.get(intent, 0):
                learn(order, refund(intent, amount, "pending" if is_pending else "succeeded", number))
        before = sum(one.left for one in refundable(order, NOTHING_UNDER_WAY))
        returned = parts(order)
        for intent, part in returned:
            assert 0 < part <= {one.payment_intent: one.left for one in refundable(order, NOTHING_UNDER_WAY)}[intent]
            learn(order, refund(intent, part, number=99))
        assert sum(part for _, part in returned) == max(0, before - total)
        assert sum(one.left for one in refundable(order, NOTHING_UNDER_WAY)) == min(before, total)
        assert parts(order) == []
