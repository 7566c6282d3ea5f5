"""Opening a checkout: intent and order in one transaction, the call in none, its outcome and the order in a second
one.
"""

import time
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing.accounts import account_named
from billing.events import StripeCallUnknown
from billing.gateway.calls import KEY_IN_USE, Body, Reply, completes, settle_call
from billing.gateway.errors import refusal_of
from billing.gateway.sessions import Sessions, session_body
from billing.models import OPEN_STATES, CallState, StripeCall
from billing.quotes import Quote
from billing.services import resolve_call
from core.refusals import NotFound, Refusal
from orders.decisions.checkouts import decide_closing, decide_opening, open_checkout_of, refuse_unless_payable
from orders.decisions.placing import OrderNotPayable
from orders.events import OrderCheckoutClosed, OrderCheckoutOpened, OrderQuoteMismatched
from orders.links import order_url
from orders.models import Checkout, CheckoutState, Order, OrderState
from orders.projections import OrderAggregate
from orders.quote import PricedItem, quote_lines
from orders.services.refusals import refusals_on_record

CREATE_SESSION = "checkout.sessions.create"
EXPIRE_SESSION = "checkout.sessions.expire"
# How long a second click waits for the first one's call, and how often it looks.
PATIENCE_SECONDS = 6
PAUSE_SECONDS = 0.25


@refusals_on_record
def open_checkout(*, order_id: int) -> Checkout:
    """The order's one open checkout, opened at Stripe if there is none.

    Raises NotFound, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    with transaction.atomic(durable=True):
        try:
            order = OrderAggregate.load_locked(order_id)
        except Order.DoesNotExist:
            raise NotFound from None
        ready = request_checkout(order)
        order.save()
    return ready if isinstance(ready, Checkout) else finish_opening(ready, order_id)


def request_checkout(order: OrderAggregate) -> Checkout | StripeCall:
    """The checkout that is open already, the call that may have opened one, or a new call on record.

    Runs in the transaction that holds the order's lock, so two clicks see each other.
    """
    refuse_unless_payable(order)
    now = timezone.now()
    if checkout := open_checkout_of(order, now):
        return checkout
    calls = list(StripeCall.objects.filter(subject=order.root.stream, operation=CREATE_SESSION))
    under_way = [call for call in calls if call.is_open]
    if under_way:
        return under_way[0]
    for checkout in order.checkouts:
        if checkout.state == CheckoutState.OPEN:
            # Its time is up; `checkout.session.expired` has not come yet.
            record_closing(order, checkout.session_id, CheckoutState.EXPIRED)
    return intend_session(order, attempt=len(calls) + 1)


def intend_session(order: OrderAggregate, *, attempt: int) -> StripeCall:
    root = order.root
    call_id = uuid4()
    items = (PricedItem(line.item_id, line.name, line.quantity, line.unit_amount) for line in order.lines)
    body = session_body(
        quote_lines(root.currency, items),
        success_url=order_url(root.pk, returned="1"),
        cancel_url=order_url(root.pk),
        metadata={"order_id": str(root.pk), "attempt": str(attempt), "call_id": str(call_id)},
    )
    return Sessions(account_named(root.account)).intend("create", call_id=call_id, body=body, subject=root.stream)


def finish_opening(call: StripeCall, order_id: int) -> Checkout:
    """Send the call (again) and answer with the checkout that it opened.

    While another request has the call under way, Stripe says that its key is in use; then that request is waited for.
    """
    reply = resolve_call(call)
    if reply is not None and reply.outcome == StripeCallUnknown(reason=KEY_IN_USE):
        wait_until_settled(call)
    order = Order.objects.get(pk=order_id)
    checkout = Checkout.objects.filter(order_id=order_id, call_id=str(call.pk)).first()
    if order.state != OrderState.PENDING or checkout is None:
        expire_what_must_not_be_paid(order_id)
    if checkout is None:
        raise refusal_to_open(StripeCall.objects.get(pk=call.pk), order_id)
    if order.state == OrderState.CANCELED:
        raise OrderNotPayable(order_id=order_id, reason="canceled")
    if checkout.state == CheckoutState.EXPIRED:
        raise OrderNotPayable(order_id=order_id, reason="just_expired")
    if checkout.state != CheckoutState.OPEN:
        raise OrderNotPayable(order_id=order_id, reason="confirming")
    return checkout


def wait_until_settled(call: StripeCall) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and StripeCall.objects.get(pk=call.pk).is_open:
        time.sleep(PAUSE_SECONDS)


def refusal_to_open(call: StripeCall, order_id: int) -> Refusal:
    """Why a call has opened no checkout."""
    if call.state == CallState.SUCCEEDED:
        return OrderNotPayable(order_id=order_id, reason="quote_mismatched")
    return refusal_of(call)


@completes(CREATE_SESSION)
def complete_session_creation(call: StripeCall, reply: Reply) -> None:
    """The order learns of its Session in the transaction that settles the call.

    A Session that would charge something else, or of an order that is no longer waiting for money, is expired.
    """
    order = OrderAggregate.load_locked(order_behind(call))
    if not settle_call(call, reply) or reply.stripe_object is None:
        return
    session = reply.stripe_object
    facts = list(decide_opening(order, opened_by(call, session), charged_by(session)))
    order.record(*facts)
    order.save()
    overcharges = any(isinstance(fact, OrderQuoteMismatched) for fact in facts)
    is_open = any(one.session_id == session["id"] and one.state == CheckoutState.OPEN for one in order.checkouts)
    if overcharges or (is_open and order.root.state != OrderState.PENDING):
        intend_expiry(order.root, session["id"])


def order_behind(call: StripeCall) -> int:
    return int(Order.key_in(call.subject) or 0)


def opened_by(call: StripeCall, session: Body) -> OrderCheckoutOpened:
    return OrderCheckoutOpened(
        attempt=int(call.body["metadata"]["attempt"]),
        call_id=str(call.pk),
        session_id=session["id"],
        url=session["url"] or "",
        expires_at=session["expires_at"],
    )


def charged_by(session: Body) -> Quote:
    """What Stripe says that it will charge; of a quote's parts it has no lines."""
    details = session["total_details"] or {}
    return Quote(
        currency=session["currency"],
        lines=(),
        subtotal=session["amount_subtotal"],
        discount=details.get("amount_discount", 0),
        tax=details.get("amount_tax", 0),
        total=session["amount_total"],
    )


def intend_expiry(order: Order, session_id: str) -> StripeCall:
    """The call that expires a Session: one that is under way, or a new one on record, in the caller's transaction."""
    under_way = open_expiries(order.pk).filter(target=session_id).first()
    return under_way or Sessions(account_named(order.account)).intend("expire", target=session_id, subject=order.stream)


def open_expiries(order_id: int) -> QuerySet[StripeCall]:
    subject = Order.stream_of(order_id)
    return StripeCall.objects.filter(subject=subject, operation=EXPIRE_SESSION, state__in=OPEN_STATES)


def expire_what_must_not_be_paid(order_id: int) -> None:
    """Send the expiries of an order that are on record; what stays unknown is left to the sweeper."""
    for call in open_expiries(order_id):
        resolve_call(call)


@completes(EXPIRE_SESSION)
def complete_session_expiry(call: StripeCall, reply: Reply) -> None:
    """The order's checkout is closed in the transaction that settles the call."""
    order = OrderAggregate.load_locked(order_behind(call))
    if settle_call(call, reply) and reply.stripe_object is not None:
        record_closing(order, call.target, CheckoutState.CANCELED)


def record_closing(order: OrderAggregate, session_id: str, reason: CheckoutState) -> None:
    for checkout in order.checkouts:
        if checkout.session_id == session_id:
            closed = OrderCheckoutClosed(attempt=checkout.attempt, session_id=session_id, reason=reason)
            order.record(*decide_closing(order, closed))
    order.save()
