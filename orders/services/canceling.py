"""Canceling an order: closed at Stripe first, so that nobody pays what was canceled."""

from billing.accounts import account_named
from billing.gateway.errors import StripeUnreachable
from billing.gateway.payment_intents import PaymentIntents
from billing.gateway.sessions import Sessions
from billing.models import CallState, StripeCall
from billing.services import resolve_call
from orders.decisions.canceling import decide_canceling, refuse_unless_cancelable
from orders.decisions.money import decide_settlement
from orders.models import CheckoutState, OrderState
from orders.projections import OrderAggregate
from orders.services.closing import CANCEL_INTENT, intend_closing_of, record_closing
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record

# What a Session or PaymentIntent of such a status at Stripe is for its checkout.
ENDED = {"expired": CheckoutState.EXPIRED, "canceled": CheckoutState.CANCELED}


@refusals_on_record
def cancel_order(*, order_id: int, reason: str) -> None:
    """Expire what is open at Stripe, then cancel; an order that is canceled already stays so.

    Raises NotFound, OrderNotCancelable (paid, or being paid), AccountNotConfigured or StripeUnreachable, having
    canceled nothing.
    """
    with locked_order(order_id) as order:
        if order.root.state == OrderState.CANCELED:
            return
        refuse_unless_cancelable(order)
        still_open = [one for one in order.checkouts if one.state == CheckoutState.OPEN]
        calls = [intend_closing_of(order.root, checkout) for checkout in still_open]
    for call in calls:
        close_at_stripe(order_id, call)
    with locked_order(order_id) as order:
        if order.root.state != OrderState.CANCELED:
            order.record(decide_canceling(order, reason))
            order.record(*decide_settlement(order))


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
