"""Whatever Stripe tells, in whatever order, the order page says only what the rows say."""

import re

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import format_money
from orders.decisions.canceling import decide_canceling
from orders.decisions.checkouts import is_payable
from orders.decisions.money import News, decide_news, decide_settlement
from orders.events import (
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderDisputeUpdated,
    OrderPaymentUpdated,
    OrderPlaced,
    OrderRefundUpdated,
    OrderReviewUpdated,
)
from orders.projections import OrderAggregate
from orders.selectors import payment_progress
from orders.statuses import UNPAID, Return, is_given_back, status_of, taken_back
from orders.tests.test_decisions import SHOPPER, learn, placed_order
from orders.tests.test_statuses import NOW, with_rows, words_of

intents = st.sampled_from(["pi_1", "pi_2"])
amounts = st.sampled_from([0, 400, 1000, 1500])
currencies = st.sampled_from(["usd", "usd", "usd", "eur"])
payments = st.builds(
    lambda source, intent, **fields: OrderPaymentUpdated(
        payment_intent=intent,
        source=source,
        source_id={"checkout.session": "cs_1", "payment_intent": intent}.get(source, f"ch_{intent}"),
        charge="",
        account="default",
        livemode=False,
        **fields,
    ),
    source=st.sampled_from(["checkout.session", "payment_intent", "charge"]),
    intent=intents,
    status=st.sampled_from(["processing", "failed", "succeeded"]),
    amount=amounts,
    currency=currencies,
    failure_code=st.sampled_from(["", "insufficient_funds", "fraudulent"]),
)
refunds = st.builds(
    OrderRefundUpdated,
    refund=st.sampled_from(["re_1", "re_2"]),
    payment_intent=intents,
    charge=st.just(""),
    status=st.sampled_from(["pending", "requires_action", "succeeded", "failed", "canceled"]),
    amount=amounts,
    currency=currencies,
    failure_reason=st.just(""),
)
disputes = st.builds(
    OrderDisputeUpdated,
    dispute=st.sampled_from(["du_1", "du_2"]),
    payment_intent=intents,
    charge=st.just(""),
    status=st.sampled_from(["warning_needs_response", "needs_response", "under_review", "won", "lost"]),
    amount=amounts,
    currency=currencies,
    reason=st.just("fraudulent"),
    due_by=st.none(),
)
reviews = st.builds(
    OrderReviewUpdated, review=st.just("prv_1"), payment_intent=intents, is_open=st.booleans(), reason=st.just("rule")
)
closings = st.builds(
    OrderCheckoutClosed,
    attempt=st.just(1),
    session_id=st.just("cs_1"),
    reason=st.sampled_from(["completed", "expired", "canceled"]),
)
news = st.lists(st.one_of(payments, payments, refunds, disputes, reviews, closings), max_size=8)
OPENED = OrderCheckoutOpened(attempt=1, call_id="1", session_id="cs_1", url="https://x", expires_at=None)
FREE = OrderPlaced(lines=(), subtotal=1000, discount=1000, tax=0, total=0)


def order_told(told: list[News], *, opens: bool, costs: bool, cancels: bool) -> OrderAggregate:
    """What the decisions make of it, without a database."""
    order = placed_order() if costs else OrderAggregate.begin(1)
    learn(order, *([] if costs else [SHOPPER, FREE]), *([OPENED] if opens else []))
    for one in told:
        learn(order, *list(decide_news(order, one)))
        learn(order, *list(decide_settlement(order)))
    if cancels and order.root.state == "pending" and not order.open_checkouts and is_payable(order):
        learn(order, decide_canceling(order, "staff"))
        learn(order, *list(decide_settlement(order)))
    with_rows(
        order.root,
        payments=order.payments,
        checkouts=order.checkouts,
        refunds=list(order.refunds),
        disputes=list(order.disputes),
    )
    return order


class TestWhateverStripeTells:
    @settings(max_examples=500)
    @given(
        told=news,
        opens=st.booleans(),
        costs=st.booleans(),
        cancels=st.booleans(),
        returning=st.sampled_from([Return(), Return(paid=True), Return(refused=True)]),
    )
    def test_the_page_says_only_what_the_rows_say(
        self, told: list[News], opens: bool, costs: bool, cancels: bool, returning: Return
    ) -> None:
        aggregate = order_told(told, opens=opens, costs=costs, cancels=cancels)
        order = aggregate.root
        status = status_of(order, returning=returning, canceled_because="staff", now=NOW)
        words = words_of(status)
        came_in = any(payment.status == "succeeded" for payment in aggregate.payments)
        assert not (status.payable and not is_payable(aggregate))
        assert not (status.payable and "Do not pay again" in words)
        assert not (came_in and "nothing was charged" in words)
        assert not (status.title == UNPAID.title and payment_progress(order) in {"processing", "succeeded"})
        assert amounts_in(words) <= amounts_of(aggregate)
        assert status.tone != "waiting" or order.state == "pending"
        if order.refunded and order.state != "pending":
            assert format_money(order.refunded, "usd") in words
        if (owed := order.surplus - taken_back(order)) > 0:
            assert f"{format_money(owed, 'usd')} more than was due" in words
        else:
            assert "more than was due" not in words
        if "refund_failed" in order.attention and order.state != "pending" and not is_given_back(order):
            assert status.tone == "warning"
        assert "fraud" not in words

    @pytest.mark.parametrize("language", ["en", "ru"])
    @given(told=news, cancels=st.booleans())
    def test_the_page_has_words_for_it(self, language: str, told: list[News], cancels: bool) -> None:
        order = order_told(told, opens=True, costs=True, cancels=cancels).root
        with translation.override(language):
            status = status_of(order, now=NOW)
            assert status.title
            assert status.happened
            assert status.to_do
            assert "{" not in words_of(status)


def amounts_in(words: str) -> set[str]:
    return set(re.findall(r"[$€][\d,]+\.\d\d", words))


def amounts_of(order: OrderAggregate) -> set[str]:
    root = order.root
    figures = {(figure, "usd") for figure in (root.total, root.received, root.refunded, root.surplus)}
    lost = sum(one.amount for one in order.disputes if (one.status, one.currency) == ("lost", "usd"))
    figures.add((root.surplus - lost, "usd"))
    for status in ("pending", "requires_action"):
        for currency in ("usd", "eur"):
            of_kind = [one.amount for one in order.refunds if (one.status, one.currency) == (status, currency)]
            figures.add((sum(of_kind), currency))
    return {format_money(amount, currency) for amount, currency in {*figures, (lost, "usd")}}
