"""What may happen to an order: each function looks at the rows and a command, refuses, or returns the facts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
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
from orders.models import Attention, Checkout, CheckoutState, OrderState, Payment, PaymentStatus
from orders.projections import OrderAggregate

# A Session that is about to expire is not worth sending a shopper to.
LEAST_TIME_TO_PAY = timedelta(minutes=2)
STATUS_RANK = {PaymentStatus.PROCESSING: 0, PaymentStatus.SUCCEEDED: 1}
# The PaymentIntent says what was received; the Session says what was asked for, which is the same unless something is
# wrong.
SOURCE_RANK = {"checkout.session": 0, "payment_intent": 1}


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
        if checkout.state == CheckoutState.OPEN and payable_until and payable_until > now + LEAST_TIME_TO_PAY:
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
    """What Stripe told of a payment: the higher rank wins, an equal one fills what was unknown, the rest is stale."""
    known = next((payment for payment in order.payments if payment.pk == told.payment_intent), None)
    if known is None or rank(told.status, told.source) > rank(known.status, known.source):
        charge = told.charge or (known.charge if known else "")
        yield replace(told, charge=charge)
    elif told.charge and not known.charge:
        yield payment_as_known(known, charge=told.charge)


def rank(status: str, source: str) -> tuple[int, int]:
    return STATUS_RANK[PaymentStatus(status)], SOURCE_RANK[source]


def payment_as_known(known: Payment, *, charge: str) -> OrderPaymentUpdated:
    return OrderPaymentUpdated(
        payment_intent=known.pk,
        charge=charge,
        status=known.status,
        amount=known.amount,
        currency=known.currency,
        account=known.account,
        livemode=known.livemode,
        source=known.source,
    )


def decide_settlement(order: OrderAggregate) -> Iterator[object]:
    """What the sums say now: paid when verified money covers the total, and what a person should look at."""
    root = order.root
    if root.state == OrderState.PENDING and root.received >= root.total:
        yield OrderPaid(received=root.received)
    succeeded = [payment for payment in order.payments if payment.status == PaymentStatus.SUCCEEDED]
    wanted = {
        Attention.SURPLUS: root.surplus > 0,
        Attention.UNDERPAID: root.state == OrderState.PENDING and 0 < root.received < root.total,
        Attention.UNCOUNTED: not all(root.counts(payment) for payment in succeeded),
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
