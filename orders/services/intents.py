"""Opening a PaymentIntent, which is paid on our own page with Stripe's Payment Element."""

from typing import NamedTuple
from uuid import uuid4

from billing.accounts import account_named
from billing.gateway.calls import Body, Reply, completes, settle_call
from billing.gateway.payment_intents import PaymentIntents, intent_body
from billing.models import StripeCall
from billing.services import try_or_wait
from orders.decisions.checkouts import decide_attempt
from orders.decisions.placing import OrderNotPayable
from orders.events import OrderCheckoutOpened
from orders.models import Checkout, CheckoutState, Order, OrderState
from orders.projections import OrderAggregate
from orders.services.attempts import (
    CREATE_INTENT,
    metadata_of,
    next_attempt,
    opened_by,
    read_attempt,
    ready_attempt,
)
from orders.services.closing import close_at_stripe, intend_closing_of, order_behind, record_closing
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record

# What a PaymentIntent says of itself once it has been confirmed.
PAYING = frozenset({"succeeded", "processing"})


class PayableIntent(NamedTuple):
    """What Stripe.js needs; the secret lets its holder pay this one intent, and is never stored here."""

    client_secret: str
    publishable_key: str


@refusals_on_record
def payable_intent(*, order_id: int) -> PayableIntent:
    """The order's one open PaymentIntent, opened at Stripe if there is none, as Stripe says it is now.

    Raises NotFound, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    checkout, intent = read_open_intent(order_id)
    order = Order.objects.get(pk=order_id)
    if intent["status"] not in PAYING and (intent["status"] == "canceled" or intent["amount"] != order.total):
        make_way(order_id, checkout, intent)
        _, intent = read_open_intent(order_id)
    if intent["status"] in PAYING:
        raise OrderNotPayable(order_id=order_id, reason="confirming")
    return PayableIntent(intent["client_secret"], account_named(order.account).publishable_key)


def make_way(order_id: int, checkout: Checkout, intent: Body) -> None:
    """For a new intent: this one was canceled at Stripe, and its `payment_intent.canceled` has not come; or it is of an
    amount that is not the order's any more, and is canceled now. Raises StripeUnreachable.
    """
    if intent["status"] == "canceled":
        with locked_order(order_id) as order:
            record_closing(order, checkout.payment_intent, CheckoutState.CANCELED)
        return
    with locked_order(order_id) as order:
        call = intend_closing_of(order.root, checkout)
    close_at_stripe(order_id, call)


def read_open_intent(order_id: int) -> tuple[Checkout, Body]:
    checkout = open_intent(order_id)
    order = Order.objects.get(pk=order_id)
    intents = PaymentIntents(account_named(order.account, livemode=order.livemode))
    return checkout, intents.read("retrieve", target=checkout.payment_intent, subject=order.stream)


def open_intent(order_id: int) -> Checkout:
    with locked_order(order_id) as order:
        ready = ready_attempt(order, CREATE_INTENT) or intend_intent(order)
    if isinstance(ready, Checkout):
        return ready
    try_or_wait(ready)
    return opened_by(read_attempt(ready.pk, order_id))


def intend_intent(order: OrderAggregate) -> StripeCall:
    """Of the order's total: Stripe applies no coupons or tax rates to a PaymentIntent."""
    root = order.root
    if root.total == 0:
        raise OrderNotPayable(order_id=root.pk, reason="nothing_to_pay")
    call_id = uuid4()
    body = intent_body(root.total, root.currency, metadata_of(root, next_attempt(root), call_id))
    return PaymentIntents(account_named(root.account, livemode=root.livemode)).intend(
        "create", call_id=call_id, body=body, subject=root.stream
    )


@completes(CREATE_INTENT)
def complete_intent_creation(call: StripeCall, reply: Reply) -> None:
    """The order learns of its PaymentIntent in the transaction that settles the call.

    One of an order that is no longer waiting for this amount is canceled.
    """
    order = OrderAggregate.load_locked(order_behind(call))
    if not settle_call(call, reply) or reply.stripe_object is None:
        return
    opened = OrderCheckoutOpened(
        attempt=int(call.body["metadata"]["attempt"]),
        call_id=str(call.pk),
        session_id="",
        url="",
        expires_at=None,
        payment_intent=reply.stripe_object["id"],
    )
    order.record(*decide_attempt(order, opened))
    order.save()
    is_due = order.root.state == OrderState.PENDING and call.body["amount"] == order.root.total
    for checkout in order.open_checkouts:
        if checkout.payment_intent == opened.payment_intent and not is_due:
            intend_closing_of(order.root, checkout)
