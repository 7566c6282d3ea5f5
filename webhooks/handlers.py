"""From an event to what its order learns: one reader for each type, and one way for all of them to the order."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from billing.models import StripeCall
from core.configuration import Account
from orders.events import OrderCheckoutClosed, OrderPaymentUpdated
from orders.models import CheckoutState, PaymentSource, PaymentStatus
from orders.services.checkout import CREATE_SESSION
from orders.services.payments import ignore_news, record_news
from webhooks.events import StripeEvent
from webhooks.models import DeliveryState

type StripeObject = dict[str, Any]
type News = tuple[OrderCheckoutClosed | OrderPaymentUpdated, ...]


class Outcome(NamedTuple):
    """What became of a delivery, for its row."""

    state: DeliveryState
    reason: str = ""
    order_id: int | None = None


def handle_event(account: Account, event: StripeEvent) -> Outcome:
    """Let the order that an event is about learn of it, in the caller's transaction.

    Only an event of a call that we have on record is ours: its id stands in the metadata, which nobody but the holder
    of the account's key can set, and it tells two installations on one account apart.
    """
    if event.type not in READERS:
        return Outcome(DeliveryState.IGNORED, "type_not_handled")
    call = call_behind(event.data.object)
    if call is None:
        return Outcome(DeliveryState.IGNORED, "not_ours")
    order_id = int(call.body["metadata"]["order_id"])
    if reason := mistrust(account, event, call):
        ignore_news(order_id=order_id, event_id=event.id, event_type=event.type, reason=reason)
        return Outcome(DeliveryState.IGNORED, reason, order_id)
    if not event.is_our_version:
        return Outcome(DeliveryState.REFUSED, "api_version", order_id)
    return tell_order(call, event, event.data.object)


def handle_reread(event: StripeEvent, stripe_object: StripeObject) -> Outcome:
    """Handle an event of another API version by its object as Stripe has it now, in ours."""
    call = call_behind(stripe_object)
    return tell_order(call, event, stripe_object) if call else Outcome(DeliveryState.IGNORED, "not_ours")


def tell_order(call: StripeCall, event: StripeEvent, stripe_object: StripeObject) -> Outcome:
    order_id = int(call.body["metadata"]["order_id"])
    facts = READERS[event.type](call, stripe_object)
    changed = record_news(order_id=order_id, event_id=event.id, event_type=event.type, facts=facts)
    return Outcome(DeliveryState.HANDLED, "" if changed else "changed_nothing", order_id)


def call_behind(stripe_object: StripeObject) -> StripeCall | None:
    """The call of ours that opened the checkout which a Session or PaymentIntent belongs to."""
    try:
        call_id = UUID(stripe_object["metadata"]["call_id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return StripeCall.objects.filter(pk=call_id, operation=CREATE_SESSION).first()


def mistrust(account: Account, event: StripeEvent, call: StripeCall) -> str:
    """Why a verified event must not touch the order that it names; '' when it may."""
    if call.account != account.name:
        return "wrong_account"
    if event.livemode != account.livemode:
        return "wrong_livemode"
    is_session = event.type.startswith("checkout.session.")
    if is_session and call.object_id and call.object_id != event.object_id:
        return "wrong_session"
    return ""


def read_completed_session(call: StripeCall, session: StripeObject) -> News:
    """`payment_status` is `paid`, or `unpaid` while a delayed method settles.

    Source: docs.stripe.com/checkout/fulfillment.
    """
    closed = session_closed(call, session, CheckoutState.COMPLETED)
    if session["payment_intent"] is None:
        return (closed,)
    payment = OrderPaymentUpdated(
        payment_intent=session["payment_intent"],
        source=PaymentSource.SESSION,
        source_id=session["id"],
        charge="",
        status=PaymentStatus.SUCCEEDED if session["payment_status"] == "paid" else PaymentStatus.PROCESSING,
        amount=session["amount_total"],
        currency=session["currency"],
        account=call.account,
        livemode=session["livemode"],
    )
    return (closed, payment)


def read_expired_session(call: StripeCall, session: StripeObject) -> News:
    return (session_closed(call, session, CheckoutState.EXPIRED),)


def session_closed(call: StripeCall, session: StripeObject, reason: CheckoutState) -> OrderCheckoutClosed:
    return OrderCheckoutClosed(attempt=int(call.body["metadata"]["attempt"]), session_id=session["id"], reason=reason)


def read_succeeded_intent(call: StripeCall, intent: StripeObject) -> News:
    """`amount_received` is what the succeeded charge took."""
    payment = OrderPaymentUpdated(
        payment_intent=intent["id"],
        source=PaymentSource.INTENT,
        source_id=intent["id"],
        charge=intent["latest_charge"] or "",
        status=PaymentStatus.SUCCEEDED,
        amount=intent["amount_received"],
        currency=intent["currency"],
        account=call.account,
        livemode=intent["livemode"],
    )
    return (payment,)


READERS: dict[str, Callable[[StripeCall, StripeObject], News]] = {
    "checkout.session.completed": read_completed_session,
    "checkout.session.expired": read_expired_session,
    "payment_intent.succeeded": read_succeeded_intent,
}
