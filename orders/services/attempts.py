"""Attempts at paying an order: calls that open a Session or a PaymentIntent, and what both have in common."""

from uuid import UUID

from django.utils import timezone

from billing.accounts import account_named
from billing.gateway.errors import refusal_of
from billing.models import CallState, StripeCall
from core.refusals import Refusal
from orders.decisions.checkouts import open_checkout_of, refuse_unless_payable
from orders.decisions.placing import OrderNotPayable
from orders.models import Attention, Checkout, CheckoutState, Order, OrderState
from orders.projections import OrderAggregate
from orders.services.closing import EXPIRE_SESSION, close_what_must_not_be_paid, record_closing

CREATE_SESSION = "checkout.sessions.create"
CREATE_INTENT = "payment_intents.create"


def attempts_at(order: Order) -> list[StripeCall]:
    """Every call that was to open something for this order, oldest first."""
    calls = StripeCall.objects.filter(subject=order.stream, operation__in=[CREATE_SESSION, CREATE_INTENT])
    return list(calls.order_by("requested_at"))


def ready_attempt(order: OrderAggregate, operation: str) -> Checkout | StripeCall | None:
    """The checkout that this operation has opened already, or its call that may have; None when a new one is needed.

    Runs in the transaction that holds the order's lock, so two clicks see each other. Raises OrderNotPayable, or
    AccountNotConfigured: a payment to an account that is gone would be told to nobody, and a call that is sent again
    must not be sent with keys of the other mode.
    """
    refuse_unless_payable(order)
    account_named(order.root.account, livemode=order.root.livemode)
    is_session = operation == CREATE_SESSION
    if checkout := open_checkout_of(order, timezone.now(), is_session=is_session):
        return checkout
    for call in attempts_at(order.root):
        if call.operation == operation and (call.is_open or is_undecided(order, call)):
            return call
    for checkout in order.open_checkouts:
        if checkout.is_session and is_session:
            # Its time is up; `checkout.session.expired` has not come yet.
            record_closing(order, checkout.session_id, CheckoutState.EXPIRED)
    return None


def is_undecided(order: OrderAggregate, call: StripeCall) -> bool:
    """Whether a Session was made whose amounts still have to be compared line by line: see `compare_lines`."""
    if call.operation != CREATE_SESSION or call.state != CallState.SUCCEEDED:
        return False
    if any(checkout.session_id == call.object_id for checkout in order.checkouts):
        return False
    return not StripeCall.objects.filter(subject=call.subject, target=call.object_id, operation=EXPIRE_SESSION).exists()


def metadata_of(order: Order, call_id: UUID) -> dict[str, str]:
    """What tells the objects of one attempt apart, and that they are ours."""
    return {"order_id": str(order.pk), "attempt": str(len(attempts_at(order)) + 1), "call_id": str(call_id)}


def opened_by(call: StripeCall, order_id: int) -> Checkout:
    """The checkout that a settled call has opened; raises why there is none, or why it must not be paid."""
    order = Order.objects.get(pk=order_id)
    checkout = Checkout.objects.filter(order_id=order_id, call_id=str(call.pk)).first()
    if order.state != OrderState.PENDING or checkout is None:
        close_what_must_not_be_paid(order_id)
    # Much may have come in while Stripe was called: the order may be paid, or being paid, by another attempt.
    refuse_unless_payable(OrderAggregate(order, stored=True))
    if checkout is None:
        raise refusal_to_open(call, order_id)
    if checkout.state == CheckoutState.EXPIRED:
        raise OrderNotPayable(order_id=order_id, reason="just_expired")
    if checkout.state != CheckoutState.OPEN:
        raise OrderNotPayable(order_id=order_id, reason="confirming")
    return checkout


def refusal_to_open(call: StripeCall, order_id: int) -> Refusal:
    """Why a call has opened no checkout: a Session charges another amount, or the order is being paid beside it."""
    if call.state != CallState.SUCCEEDED:
        return refusal_of(call)
    is_mismatched = Order.objects.filter(pk=order_id, attention__contains=[Attention.QUOTE_MISMATCHED]).exists()
    return OrderNotPayable(order_id=order_id, reason="quote_mismatched" if is_mismatched else "confirming")
