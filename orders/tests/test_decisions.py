"""What may happen to an order, without a database: facts in, facts out."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.limits import MAXIMUM_LINES
from billing.quotes import Quote
from orders.decisions.attention import decide_clearing
from orders.decisions.money import News, decide_news, decide_settlement
from orders.decisions.placing import OrderNotPayable, decide_placing
from orders.events import OrderCanceled, OrderCheckoutClosed, OrderDrafted, OrderPaymentUpdated, OrderRefundUpdated
from orders.models import Order
from orders.projections import OrderAggregate
from orders.quote import PricedItem, quote_lines

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SHOPPER = OrderDrafted(shopper_id="s", account="default", livemode=False, currency="usd", buy_item=None)

amounts = st.integers(min_value=0, max_value=100_000)
lines = st.lists(st.tuples(st.integers(min_value=1, max_value=50), amounts), min_size=1, max_size=20)


def learn(order: OrderAggregate, *facts: object) -> None:
    for fact in facts:
        order.apply(fact, NOW)


def placed_order(total: int = 1000) -> OrderAggregate:
    order = OrderAggregate.begin(1)
    learn(order, SHOPPER)
    learn(order, decide_placing(order, quote_lines("usd", [PricedItem(1, "Mug", 1, total)])))
    return order


def payment(intent: str = "pi_1", **fields: Any) -> OrderPaymentUpdated:
    """The PaymentIntent's word, of 1000 received."""
    told: dict[str, Any] = {
        "payment_intent": intent,
        "source": "payment_intent",
        "source_id": intent,
        "charge": "",
        "status": "succeeded",
        "amount": 1000,
        "currency": "usd",
        "account": "default",
        "livemode": False,
    }
    return OrderPaymentUpdated(**told | fields)


def asked(**fields: Any) -> OrderPaymentUpdated:
    """The Session's word on the same payment."""
    return payment(source="checkout.session", source_id="cs_1", **fields)


def returned(refund: str, status: str, failure_reason: str = "") -> OrderRefundUpdated:
    """What Stripe says of a refund of 400."""
    return OrderRefundUpdated(
        refund=refund,
        payment_intent="pi_1",
        charge="",
        status=status,
        amount=400,
        currency="usd",
        failure_reason=failure_reason,
    )


def tell(order: OrderAggregate, told: News) -> None:
    for fact in list(decide_news(order, told)):
        order.apply(fact, NOW)
    for fact in list(decide_settlement(order)):
        order.apply(fact, NOW)


def money_of(order: OrderAggregate) -> dict[str, Any]:
    """All that must not depend on the order of arrival."""
    root = order.root
    payments = sorted((one.pk, one.status, one.amount, one.currency, one.charge) for one in order.payments)
    checkouts = sorted((one.pk, one.state) for one in order.checkouts)
    return {
        "state": root.state,
        "received": root.received,
        "surplus": root.surplus,
        "attention": root.attention,
        "payments": payments,
        "checkouts": checkouts,
    }


class TestTheQuote:
    @given(lines)
    def test_adds_up(self, priced: list[tuple[int, int]]) -> None:
        quote = quote_lines("usd", [PricedItem(number, "x", *line) for number, line in enumerate(priced)])
        assert quote.total == quote.subtotal - quote.discount + quote.tax
        assert quote.total == sum(line.total for line in quote.lines) == sum(count * each for count, each in priced)


class TestPlacing:
    def quote(self, count: int, price: int) -> Quote:
        return quote_lines("usd", [PricedItem(number, "x", 1, price) for number in range(count)])

    @pytest.mark.parametrize(
        ("count", "price", "reason"),
        [
            (0, 0, "it is empty"),
            (MAXIMUM_LINES + 1, 100, "more lines than can be paid at once"),
            (1, 49, r"the least that can be charged is \$0\.50"),
            (1, 100_000_000, "the most that can be charged"),
        ],
    )
    def test_is_refused_where_stripe_would_refuse(self, count: int, price: int, reason: str) -> None:
        order = OrderAggregate.begin(1)
        learn(order, SHOPPER)
        with pytest.raises(OrderNotPayable, match=reason):
            decide_placing(order, self.quote(count, price))
        assert order.root.state == "draft"

    def test_is_done_once(self) -> None:
        with pytest.raises(OrderNotPayable, match="placed already"):
            decide_placing(placed_order(), self.quote(1, 100))


class TestMoney:
    news: ClassVar[list[OrderPaymentUpdated | OrderCheckoutClosed]] = [
        asked(status="processing"),
        asked(),
        payment(charge="ch_1"),
        payment("pi_2", charge="ch_2", amount=300),
        OrderCheckoutClosed(attempt=1, session_id="cs_1", reason="completed"),
    ]

    def test_is_judged_alike_in_every_order_of_arrival(self) -> None:
        ends = []
        for arrival in permutations(self.news):
            order = placed_order()
            for told in arrival:
                tell(order, told)
            ends.append(money_of(order))
        assert all(end == ends[0] for end in ends)
        assert (ends[0]["state"], ends[0]["received"], ends[0]["surplus"]) == ("paid", 1300, 300)

    def test_that_did_not_come_back_is_looked_at_in_every_order_of_arrival(self) -> None:
        refunds = (("re_1", "succeeded"), ("re_1", "failed"), ("re_2", "succeeded"), ("re_2", "canceled"))
        told: list[News] = [payment(), *(returned(refund, status) for refund, status in refunds)]
        for arrival in permutations(told):
            order = placed_order()
            for one in arrival:
                tell(order, one)
            assert (order.root.state, order.root.attention) == ("paid", ["refund_failed"])

    def test_that_did_not_come_back_and_was_looked_at_is_raised_by_another_refund_alone(self) -> None:
        order = placed_order()
        for one in (payment(), returned("re_1", "failed")):
            tell(order, one)
        learn(order, *decide_clearing(order, "refund_failed"))
        for one in (
            returned("re_1", "failed", failure_reason="expired_or_canceled_card"),
            returned("re_2", "succeeded"),
        ):
            tell(order, one)
        assert order.root.attention == []
        tell(order, returned("re_2", "failed"))
        assert order.root.attention == ["refund_failed"]

    @pytest.mark.parametrize("said", [{"amount": 900}, {"amount": 1100}, {"currency": "eur"}, {"livemode": True}])
    def test_of_which_session_and_intent_say_different_things_ends_alike_and_is_shown(
        self, said: dict[str, Any]
    ) -> None:
        ends = []
        for arrival in permutations([asked(), payment(**said)]):
            order = placed_order()
            for told in arrival:
                tell(order, told)
            ends.append(money_of(order))
        assert ends[0] == ends[1]
        assert ends[0]["attention"]

    @given(st.lists(st.sampled_from(news), max_size=12))
    def test_is_counted_once_however_often_it_is_told(
        self, arrival: list[OrderPaymentUpdated | OrderCheckoutClosed]
    ) -> None:
        once, again = placed_order(), placed_order()
        for told in arrival:
            tell(once, told)
        for told in [*arrival, *arrival]:
            tell(again, told)
        assert money_of(once) == money_of(again)

    @pytest.mark.parametrize("wrong", [{"account": "euro"}, {"livemode": True}, {"currency": "eur"}])
    def test_of_another_account_mode_or_currency_does_not_pay(self, wrong: dict[str, Any]) -> None:
        order = placed_order()
        tell(order, payment(**wrong))
        assert (order.root.state, order.root.received) == ("pending", 0)
        assert order.root.attention == ["uncounted"]

    def test_in_parts_pays_when_the_sum_covers_the_total(self) -> None:
        order = placed_order(1000)
        tell(order, payment("pi_1", amount=600))
        assert (order.root.state, order.root.attention) == ("pending", ["underpaid"])
        tell(order, payment("pi_2", amount=400))
        assert (order.root.state, order.root.attention, order.root.surplus) == ("paid", [], 0)

    def test_for_a_canceled_order_is_surplus(self) -> None:
        order = placed_order(1000)
        learn(order, OrderCanceled(reason="test"))
        tell(order, payment())
        assert (order.root.state, order.root.surplus) == ("canceled", 1000)
        assert order.root.attention == ["surplus"]


class TestReplaying:
    def test_never_refuses_what_today_would_be_refused(self) -> None:
        """A quote below today's minimum was placed under yesterday's rules."""
        order = OrderAggregate.begin(1)
        quote = quote_lines("usd", [PricedItem(1, "Pin", 1, 1)])
        with pytest.raises(OrderNotPayable):
            decide_placing(placed_draft := order, quote)
        assert placed_draft.root.state == "draft"
        generous = quote_lines("usd", [PricedItem(1, "Pin", 1, 1000)])
        fact = decide_placing(order, generous)
        learn(order, SHOPPER, type(fact)(lines=quote.lines, subtotal=1, discount=0, tax=0, total=1))
        assert (order.root.state, order.root.total) == ("pending", 1)


def test_states_change_by_transitions_alone() -> None:
    with pytest.raises(AttributeError):
        Order(state="draft").state = "paid"
