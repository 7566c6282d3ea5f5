"""Checkouts: opened when the order may be paid, and closed as Stripe's Sessions end."""

from collections.abc import Iterator
from datetime import datetime

from billing.quotes import Quote
from orders import sums
from orders.decisions.placing import OrderNotPayable
from orders.events import (
    OrderAttentionRaised,
    OrderCheckoutClosed,
    OrderCheckoutOpened,
    OrderQuoteMismatched,
)
from orders.models import Attention, Checkout, CheckoutState, OrderState, PaymentStatus
from orders.projections import OrderAggregate


def refuse_unless_payable(order: OrderAggregate) -> None:
    """Raise OrderNotPayable unless a checkout may be opened now."""
    order_id = order.root.pk
    reasons = {OrderState.DRAFT: "not_placed", OrderState.CANCELED: "canceled"}
    if order.root.state != OrderState.PENDING:
        reason = reasons.get(OrderState(order.root.state), "already_paid")
        raise OrderNotPayable(order_id=order_id, reason=reason)
    if order.root.received > order.root.refunded:
        raise OrderNotPayable(order_id=order_id, reason="underpaid")
    if sums.undecided_intents(order.payments):
        raise OrderNotPayable(order_id=order_id, reason="processing")
    failed = {payment.source_id for payment in order.payments if payment.status == PaymentStatus.FAILED}
    completed = {one.session_id for one in order.checkouts if one.state == CheckoutState.COMPLETED}
    if completed - failed:
        raise OrderNotPayable(order_id=order_id, reason="confirming")


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
    if sums.rank(sums.CHECKOUT_RANK, closed.reason) > sums.rank(sums.CHECKOUT_RANK, state):
        yield closed
