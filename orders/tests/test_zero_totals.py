"""A total of zero is paid by a Session that required no payment, and nothing else is."""

from itertools import permutations

import pytest
from django.db import transaction

from billing.quotes import QuotedLine
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from orders.decisions.canceling import decide_canceling
from orders.decisions.money import News, decide_news, decide_settlement
from orders.events import OrderCheckoutClosed, OrderPaymentUpdated, OrderPlaced
from orders.models import Item, Order
from orders.projections import OrderAggregate
from orders.services.drafting import next_order_id
from orders.services.payments import record_news
from orders.tests.test_decisions import SHOPPER, asked, learn, payment, placed_order
from orders.timeline import standing
from webhooks.readers import Origin, read_completed_session

COMPLETED = OrderCheckoutClosed(attempt=1, session_id="cs_1", reason="completed")
EXPIRED = OrderCheckoutClosed(attempt=1, session_id="cs_1", reason="expired")
CANCELED = OrderCheckoutClosed(attempt=1, session_id="cs_1", reason="canceled")
OTHER_EXPIRED = OrderCheckoutClosed(attempt=2, session_id="cs_2", reason="expired")


def given_away(item: int = 1) -> OrderPlaced:
    line = QuotedLine(item=item, name="Mug", quantity=1, unit_amount=1000, subtotal=1000, discount=1000, tax=0, total=0)
    return OrderPlaced(lines=(line,), subtotal=1000, discount=1000, tax=0, total=0)


def free_order() -> OrderAggregate:
    order = OrderAggregate.begin(1)
    learn(order, SHOPPER, given_away())
    return order


def tell(order: OrderAggregate, *news: News) -> list[str]:
    """The names of the facts that the sums made of it."""
    settled: list[object] = []
    for told in news:
        learn(order, *decide_news(order, told))
        decided = list(decide_settlement(order))
        learn(order, *decided)
        settled += decided
    return [type(fact).__name__ for fact in settled]


class TestAnOrderOfZero:
    def test_is_paid_by_a_session_that_required_no_payment(self) -> None:
        order = free_order()
        assert tell(order, COMPLETED) == ["OrderPaid"]
        assert (order.root.state, order.root.received, order.root.attention) == ("paid", 0, [])
        assert order.payments == []

    @pytest.mark.parametrize("news", [EXPIRED, CANCELED, asked(status="processing", amount=0)])
    def test_is_not_paid_by_other_news(self, news: OrderCheckoutClosed | OrderPaymentUpdated) -> None:
        order = free_order()
        assert tell(order, news) == []
        assert order.root.state == "pending"

    def test_is_not_paid_by_nothing_at_all(self) -> None:
        assert list(decide_settlement(free_order())) == []

    @pytest.mark.parametrize("news", [[COMPLETED, EXPIRED], [COMPLETED, CANCELED, OTHER_EXPIRED]])
    def test_is_paid_once_in_every_order_of_arrival(self, news: list[OrderCheckoutClosed]) -> None:
        for arrival in permutations(news):
            order = free_order()
            assert tell(order, *arrival, *arrival) == ["OrderPaid"]
            assert order.root.state == "paid"

    def test_is_paid_by_money_too_which_is_surplus(self) -> None:
        news: list[News] = [payment(amount=500), COMPLETED]
        for arrival in permutations(news):
            order = free_order()
            tell(order, *arrival)
            assert (order.root.state, order.root.surplus, order.root.attention) == ("paid", 500, ["surplus"])


class TestAnOrderThatCostsSomething:
    def test_is_not_paid_by_the_claim_that_nothing_was_due_but_looked_at(self) -> None:
        order = placed_order(1000)
        assert tell(order, COMPLETED) == ["OrderAttentionRaised"]
        assert (order.root.state, order.root.received, order.root.attention) == ("pending", 0, ["underpaid"])

    def test_ends_alike_in_every_order_of_arrival(self) -> None:
        for arrival in permutations([COMPLETED, EXPIRED, OTHER_EXPIRED]):
            order = placed_order(1000)
            tell(order, *arrival)
            assert (order.root.state, order.root.attention) == ("pending", ["underpaid"])

    def test_is_paid_by_money_beside_the_claim(self) -> None:
        news: list[News] = [COMPLETED, payment()]
        for arrival in permutations(news):
            order = placed_order(1000)
            tell(order, *arrival)
            assert (order.root.state, order.root.attention, order.root.surplus) == ("paid", [], 0)

    def test_can_be_canceled_after_the_claim_and_is_then_nobodys_business(self) -> None:
        order = placed_order(1000)
        tell(order, COMPLETED)
        learn(order, decide_canceling(order, "staff"))
        learn(order, *decide_settlement(order))
        assert (order.root.state, order.root.attention) == ("canceled", [])

    def test_asks_for_nobody_when_its_session_tells_of_a_payment_under_way(self) -> None:
        order = placed_order(1000)
        learn(order, *decide_news(order, COMPLETED), *decide_news(order, asked(status="processing")))
        assert list(decide_settlement(order)) == []


class TestASessionThatRequiredNoPayment:
    @pytest.mark.parametrize("intent", [None, "pi_1"])
    def test_is_read_as_completed_and_as_no_payment(self, intent: str | None) -> None:
        session = {"id": "cs_1", "payment_status": "no_payment_required", "payment_intent": intent}
        assert read_completed_session(Origin("default", 1), session) == (COMPLETED,)


@pytest.mark.django_db(transaction=True)
def test_rows_of_a_free_order_are_the_fold_of_its_events(mug: Item) -> None:
    with provenance.acting("stripe:default", cause="evt_1"):
        order = OrderAggregate.begin(next_order_id())
        order.record(SHOPPER, given_away(mug.pk))
        order.save()
        with transaction.atomic():
            record_news(
                OrderAggregate.load_locked(order.root.pk),
                event_id="evt_1",
                event_type="checkout.session.completed",
                call_id="",
                facts=[COMPLETED],
            )
    free = Order.objects.get()
    assert (free.state, free.total, free.received) == ("paid", 0, 0)
    assert standing(free) == "paid, since there was nothing to pay: $0.00 due, $0.00 received."
    assert list(check_rows()) == []
