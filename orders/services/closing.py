"""Closing at Stripe what must not be paid: a Session is expired, a PaymentIntent of our own page is canceled.

A Session's own PaymentIntent can't be canceled (docs.stripe.com/api/payment_intents/cancel).
"""

from typing import NamedTuple

from django.db.models import QuerySet

from billing.accounts import account_named
from billing.gateway.calls import Reply, completes, settle_call
from billing.gateway.errors import StripeUnreachable
from billing.gateway.manager import ResourceManager
from billing.gateway.payment_intents import PaymentIntents
from billing.gateway.sessions import Sessions
from billing.models import OPEN_STATES, CallState, StripeCall
from billing.services import resolve_call
from orders.decisions.checkouts import decide_closing
from orders.events import OrderCheckoutClosed
from orders.models import Checkout, CheckoutState, Order
from orders.projections import OrderAggregate

EXPIRE_SESSION = "checkout.sessions.expire"
CANCEL_INTENT = "payment_intents.cancel"
# What a Session or PaymentIntent of such a status at Stripe is for its checkout.
ENDED = {"expired": CheckoutState.EXPIRED, "canceled": CheckoutState.CANCELED}


class Closer(NamedTuple):
    manager: type[ResourceManager]
    verb: str


SESSION_CLOSER = Closer(Sessions, "expire")
INTENT_CLOSER = Closer(PaymentIntents, "cancel")


def intend_expiry(order: Order, session_id: str) -> StripeCall:
    return intend_closing(order, SESSION_CLOSER, session_id)


def intend_closing_of(order: Order, checkout: Checkout) -> StripeCall:
    return intend_closing(order, SESSION_CLOSER if checkout.is_session else INTENT_CLOSER, checkout.object_id)


def intend_closing(order: Order, closer: Closer, object_id: str) -> StripeCall:
    """The call that closes an object: one that is under way, or a new one on record, in the caller's transaction."""
    under_way = open_closings(order.pk).filter(target=object_id).first()
    manager = closer.manager(account_named(order.account, livemode=order.livemode))
    return under_way or manager.intend(closer.verb, target=object_id, subject=order.stream)


def open_closings(order_id: int) -> QuerySet[StripeCall]:
    return StripeCall.objects.filter(
        subject=Order.stream_of(order_id), operation__in=[EXPIRE_SESSION, CANCEL_INTENT], state__in=OPEN_STATES
    )


def close_what_must_not_be_paid(order_id: int) -> None:
    """Send the closings of an order that are on record; what stays unknown is left to the sweeper."""
    for call in open_closings(order_id):
        resolve_call(call)


def close_at_stripe(order_id: int, call: StripeCall) -> None:
    """Close one Session or PaymentIntent; where Stripe refuses because it ended by itself, close its checkout as it
    ended.

    What was paid, or is being paid, stays open here: its webhook tells of the payment, and canceling is refused.
    """
    resolve_call(call)
    call = StripeCall.objects.get(pk=call.pk)
    if call.is_open:
        raise StripeUnreachable
    if call.state == CallState.FAILED:
        manager = PaymentIntents if call.operation == CANCEL_INTENT else Sessions
        found = manager(account_named(call.account)).read("retrieve", target=call.target, subject=call.subject)
        if found["status"] in ENDED:
            with OrderAggregate.locked(order_id) as order:
                record_closing(order, call.target, ENDED[found["status"]])


@completes(EXPIRE_SESSION)
@completes(CANCEL_INTENT)
def complete_closing(call: StripeCall, reply: Reply) -> None:
    """The order's checkout is closed in the transaction that settles the call."""
    order = OrderAggregate.load_locked(order_behind(call))
    if settle_call(call, reply) and reply.stripe_object is not None:
        record_closing(order, call.target, CheckoutState.CANCELED)


def order_behind(call: StripeCall) -> int:
    return int(Order.key_in(call.subject) or 0)


def record_closing(order: OrderAggregate, object_id: str, reason: CheckoutState) -> None:
    for checkout in order.checkouts:
        if checkout.object_id == object_id:
            closed = OrderCheckoutClosed(
                attempt=checkout.attempt,
                session_id=checkout.session_id,
                payment_intent=checkout.payment_intent,
                reason=reason,
            )
            order.record(*decide_closing(order, closed))
    order.save()
