"""Attempts at paying an order: calls that open a Session or a PaymentIntent, and what both have in common."""

from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from billing.accounts import account_named
from billing.gateway.errors import refusal_of
from billing.models import CallState, StripeCall
from billing.projections import CallAggregate
from core.refusals import Refusal
from core.rows import by_key, rows_from
from core.trips import ask
from orders.decisions.checkouts import open_checkout_of, refuse_unless_payable
from orders.decisions.placing import OrderNotPayable
from orders.models import Attention, Checkout, CheckoutState, Order, OrderState, Payment
from orders.projections import OrderAggregate
from orders.services.closing import EXPIRE_SESSION, close_what_must_not_be_paid, record_closing

CREATE_SESSION = "checkout.sessions.create"
CREATE_INTENT = "payment_intents.create"
# Below an order, what says whether it may be paid.
SAYS_PAYABLE = (Payment, Checkout)


class Attempted(NamedTuple):
    """A call that was to open something, and its order, as both are at one moment."""

    call: StripeCall
    order: OrderAggregate

    @property
    def checkout(self) -> Checkout | None:
        return next((one for one in self.order.checkouts if one.call_id == str(self.call.pk)), None)


def read_attempt(call_id: UUID, order_id: int) -> Attempted:
    """Only looked at: nothing is locked."""
    root = by_key(Order, order_id)
    calls, orders, [below] = ask(
        CallAggregate.reading(by_key(StripeCall, call_id)),
        OrderAggregate.reading(root),
        OrderAggregate.below(root, SAYS_PAYABLE),
    )
    [call] = rows_from(StripeCall, calls)
    order = OrderAggregate.loaded(orders, below, SAYS_PAYABLE)
    if order is None:
        raise Order.DoesNotExist
    return Attempted(call, order)


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


def next_attempt(order: Order) -> int:
    return len(attempts_at(order)) + 1


def metadata_of(order: Order, attempt: int, call_id: UUID) -> dict[str, str]:
    """What tells the objects of one attempt apart, and that they are ours."""
    return {"order_id": str(order.pk), "attempt": str(attempt), "call_id": str(call_id)}


def opened_by(attempted: Attempted) -> Checkout:
    """The checkout that a settled call has opened; raises why there is none, or why it must not be paid."""
    order_id = attempted.order.root.pk
    if attempted.order.root.state != OrderState.PENDING or attempted.checkout is None:
        close_what_must_not_be_paid(order_id)
        attempted = read_attempt(attempted.call.pk, order_id)
    # Much may have come in while Stripe was called: the order may be paid, or being paid, by another attempt.
    refuse_unless_payable(attempted.order)
    checkout = attempted.checkout
    if checkout is None:
        raise refusal_to_open(attempted)
    if checkout.state == CheckoutState.EXPIRED:
        raise OrderNotPayable(order_id=order_id, reason="just_expired")
    if checkout.state != CheckoutState.OPEN:
        raise OrderNotPayable(order_id=order_id, reason="confirming")
    return checkout


def refusal_to_open(attempted: Attempted) -> Refusal:
    """Why a call has opened no checkout: a Session charges another amount, or the order is being paid beside it."""
    if attempted.call.state != CallState.SUCCEEDED:
        return refusal_of(attempted.call)
    order = attempted.order.root
    is_mismatched = Attention.QUOTE_MISMATCHED in order.attention
    return OrderNotPayable(order_id=order.pk, reason="quote_mismatched" if is_mismatched else "confirming")
