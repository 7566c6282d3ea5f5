"""What may happen to an order: each function looks at the rows and a command, refuses, or returns the facts."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus

from billing.limits import MAXIMUM_AMOUNT, MAXIMUM_LINES, minimum_amount
from billing.quotes import Quote
from core.money import format_money
from core.refusals import Refusal
from orders.events import (
    OrderAttentionCleared,
    OrderAttentionRaised,
    OrderCanceled,
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderEventIgnored,
    OrderPaid,
    OrderPaymentUpdated,
    OrderPlaced,
    OrderQuoteMismatched,
)
from orders.models import Attention, Checkout, CheckoutState, OrderState, PaymentStatus
from orders.projections import OrderAggregate, succeeded_words

STATUS_RANK: dict[str, int] = {PaymentStatus.PROCESSING: 0, PaymentStatus.SUCCEEDED: 1}


class OrderNotPayable(Refusal):
    """Placing or paying is refused; the reason says what is in the way."""

    code = "not_payable"
    status = HTTPStatus.CONFLICT
    message = "This order can't be paid: {reason}."


class OrderNotCancelable(Refusal):
    """An order is canceled only before it is paid, and not while its payment is completing."""

    code = "not_cancelable"
    status = HTTPStatus.CONFLICT
    message = "This order can't be canceled: {reason}."


def decide_placing(order: OrderAggregate, quote: Quote) -> OrderPlaced:
    """Freeze the quote; raises OrderNotPayable where Stripe would refuse it."""
    if order.root.state != OrderState.DRAFT:
        raise OrderNotPayable(reason="it has been placed already")
    if not quote.lines:
        raise OrderNotPayable(reason="it is empty")
    if len(quote.lines) > MAXIMUM_LINES:
        raise OrderNotPayable(
            reason=f"it has {len(quote.lines)} lines, and at most {MAXIMUM_LINES} can be paid at once"
        )
    least = minimum_amount(quote.currency)
    if quote.total < least:
        raise OrderNotPayable(reason=f"the least that can be charged is {format_money(least, quote.currency)}")
    if quote.total > MAXIMUM_AMOUNT:
        raise OrderNotPayable(reason=f"the most that can be charged is {format_money(MAXIMUM_AMOUNT, quote.currency)}")
    return OrderPlaced(
        lines=quote.lines, subtotal=quote.subtotal, discount=quote.discount, tax=quote.tax, total=quote.total
    )


def refuse_unless_payable(order: OrderAggregate) -> None:
    """Raise OrderNotPayable unless a checkout may be opened now."""
    reasons = {
        OrderState.DRAFT: "it has not been placed yet",
        OrderState.PAID: "it is paid already",
        OrderState.CANCELED: "it was canceled",
    }
    if order.root.state != OrderState.PENDING:
        raise OrderNotPayable(reason=reasons[OrderState(order.root.state)])
    if any(payment.status == PaymentStatus.PROCESSING for payment in order.payments):
        raise OrderNotPayable(reason="a payment of it is being processed; do not pay again")
    if any(checkout.state == CheckoutState.COMPLETED for checkout in order.checkouts):
        raise OrderNotPayable(reason="its payment is being confirmed; do not pay again")


def open_checkout_of(order: OrderAggregate, now: datetime) -> Checkout | None:
    """The checkout that the shopper can still be sent to."""
    for checkout in order.checkouts:
        payable_until = checkout.expires_at
        if checkout.state == CheckoutState.OPEN and payable_until and payable_until > now:
            return checkout
    return None


def decide_opening(order: OrderAggregate, opened: OrderCheckoutOpened, charged: Quote) -> Iterator[object]:
    """The Session is there: its checkout is open if it charges what was quoted, else a mismatch is on record.

    `charged` holds Stripe's own amounts, without lines. A Session of which a webhook has told already is not opened
    again.
    """
    root = order.root
    known = next((checkout for checkout in order.checkouts if checkout.attempt == opened.attempt), None)
    quoted = (root.currency, root.subtotal, root.discount, root.tax, root.total)
    if (charged.currency, charged.subtotal, charged.discount, charged.tax, charged.total) == quoted:
        if known is None or not known.url:
            yield opened
        return
    yield OrderQuoteMismatched(
        attempt=opened.attempt,
        session_id=opened.session_id,
        currency=charged.currency,
        quoted_subtotal=root.subtotal,
        quoted_total=root.total,
        stripe_subtotal=charged.subtotal,
        stripe_total=charged.total,
    )
    if Attention.QUOTE_MISMATCHED not in root.attention:
        yield OrderAttentionRaised(reason=Attention.QUOTE_MISMATCHED)


def decide_closing(order: OrderAggregate, closed: OrderCheckoutClosed) -> Iterator[object]:
    """A Session ended. Completed wins over expired, whichever is told first: a completed Session can't expire."""
    known = next((checkout for checkout in order.checkouts if checkout.attempt == closed.attempt), None)
    state = known.state if known else CheckoutState.OPEN
    if state == CheckoutState.OPEN or (closed.reason == CheckoutState.COMPLETED != state):
        yield closed


def decide_payment(order: OrderAggregate, told: OrderPaymentUpdated) -> Iterator[object]:
    """What an object of Stripe told of a payment: its own higher status wins, an equal one fills in the charge."""
    known = next((payment for payment in order.payments if payment.source_id == told.source_id), None)
    if known is None or (STATUS_RANK[told.status], told.charge) > (STATUS_RANK[known.status], known.charge):
        yield told


def decide_news(order: OrderAggregate, told: OrderCheckoutClosed | OrderPaymentUpdated) -> Iterator[object]:
    """What follows from one thing that Stripe told; nothing when it is known or overtaken."""
    return decide_closing(order, told) if isinstance(told, OrderCheckoutClosed) else decide_payment(order, told)


def decide_settlement(order: OrderAggregate) -> Iterator[object]:
    """What the sums say now: paid when verified money covers the total, and what a person should look at.

    `paid` is never taken back, so it must not depend on which word came first: one that covers is enough. Where a
    better word says less, the order is paid and underpaid, and a person is told.
    """
    root = order.root
    words = succeeded_words(order.payments)
    counted = [[word.amount for word in of_intent if root.counts(word)] for of_intent in words.values()]
    covered = sum(max(amounts, default=0) for amounts in counted)
    is_paid = root.state == OrderState.PAID
    if root.state == OrderState.PENDING and covered >= root.total:
        yield OrderPaid(received=root.received)
        is_paid = True
    wanted = {
        Attention.SURPLUS: root.surplus > 0,
        Attention.UNDERPAID: root.due > root.received and (root.received > 0 or is_paid),
        Attention.UNCOUNTED: not all(root.counts(word) for of_intent in words.values() for word in of_intent),
    }
    for reason, is_wanted in wanted.items():
        if is_wanted and reason not in root.attention:
            yield OrderAttentionRaised(reason=reason)
        if not is_wanted and reason in root.attention:
            yield OrderAttentionCleared(reason=reason)


def decide_ignoring(event_id: str, event_type: str, reason: str) -> OrderEventIgnored:
    return OrderEventIgnored(event_id=event_id, type=event_type, reason=reason)


def refuse_unless_cancelable(order: OrderAggregate) -> None:
    """Raise OrderNotCancelable unless nothing was paid and nothing is being paid."""
    if order.root.state not in {OrderState.DRAFT, OrderState.PENDING}:
        raise OrderNotCancelable(reason=f"it is {order.root.state}")
    if order.payments or any(checkout.state == CheckoutState.COMPLETED for checkout in order.checkouts):
        raise OrderNotCancelable(reason="a payment of it is on its way")


def decide_canceling(order: OrderAggregate, reason: str) -> OrderCanceled:
    """Cancel; every checkout must have been closed at Stripe before."""
    refuse_unless_cancelable(order)
    if any(checkout.state == CheckoutState.OPEN for checkout in order.checkouts):
        raise OrderNotCancelable(reason="it can still be paid at Stripe")
    return OrderCanceled(reason=reason)
