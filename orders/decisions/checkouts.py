"""Checkouts: opened when the order may be paid, and closed as Stripe's Sessions end."""

from collections.abc import Iterator
from datetime import datetime

from billing.quotes import Quote
from orders import sums
from orders.decisions.comparing import decide_mismatch, is_apart_by_rounding, is_equal
from orders.decisions.placing import OrderNotPayable
from orders.events import OrderCheckoutClosed, OrderCheckoutOpened
from orders.models import Checkout, CheckoutState, OrderState, PaymentStatus
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
    completed = {one.object_id for one in order.checkouts if one.state == CheckoutState.COMPLETED}
    if completed - failed:
        raise OrderNotPayable(order_id=order_id, reason="confirming")


def is_payable(order: OrderAggregate) -> bool:
    try:
        refuse_unless_payable(order)
    except OrderNotPayable:
        return False
    return True


def open_checkout_of(order: OrderAggregate, now: datetime, *, is_session: bool) -> Checkout | None:
    """The Session, or the PaymentIntent, that the shopper can still pay."""
    for checkout in order.open_checkouts:
        in_time = checkout.expires_at is None or checkout.expires_at > now
        if checkout.is_session == is_session and in_time:
            return checkout
    return None


def decide_opening(order: OrderAggregate, opened: OrderCheckoutOpened, charged: Quote) -> Iterator[object]:
    """The Session is there: its checkout is open if it charges what was quoted, else a mismatch is on record.

    `charged` holds Stripe's own amounts, without lines. What may be rounding is not decided here: the lines tell. A
    Session of which a webhook has told already is not opened again.
    """
    if is_equal(order.root, charged):
        yield from decide_attempt(order, opened)
    elif not is_apart_by_rounding(order, charged):
        yield from decide_mismatch(order, opened, charged)


def decide_attempt(order: OrderAggregate, opened: OrderCheckoutOpened) -> Iterator[object]:
    """An attempt is there; one that a webhook has told of already keeps what it said, and is known by its call now."""
    known = next((checkout for checkout in order.checkouts if checkout.attempt == opened.attempt), None)
    if known is None or not known.call_id:
        yield opened


def decide_closing(order: OrderAggregate, closed: OrderCheckoutClosed) -> Iterator[object]:
    """A Session ended. Completed wins over expired, whichever is told first: a completed Session can't expire."""
    known = next((checkout for checkout in order.checkouts if checkout.attempt == closed.attempt), None)
    state = known.state if known else CheckoutState.OPEN
    if sums.rank(sums.CHECKOUT_RANK, closed.reason) > sums.rank(sums.CHECKOUT_RANK, state):
        yield closed
