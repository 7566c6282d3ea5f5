"""Canceling an order: closed at Stripe first, so that nobody pays what was canceled."""

from datetime import datetime

from orders.decisions.canceling import (
    checkout_moved_since,
    decide_canceling,
    paying_told_since,
    refuse_unless_cancelable,
)
from orders.decisions.money import decide_settlement
from orders.models import OrderState
from orders.services.closing import close_at_stripe, intend_closing_of
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record


@refusals_on_record
def cancel_order(*, order_id: int, reason: str, idle_since: datetime | None = None) -> bool:
    """Expire what is open at Stripe, then cancel; an order that is canceled already stays so.

    False: it is left alone, since its paying went on after `idle_since`. That is asked under the order's lock, and
    asked again of its payments when it was closed at Stripe, since a decline may have come meanwhile.

    Raises NotFound, OrderNotCancelable (paid, or being paid), AccountNotConfigured or StripeUnreachable, having
    canceled nothing.
    """
    with locked_order(order_id) as order:
        if order.root.state == OrderState.CANCELED:
            return True
        if idle_since and (paying_told_since(order, idle_since) or checkout_moved_since(order, idle_since)):
            return False
        refuse_unless_cancelable(order)
        calls = [intend_closing_of(order.root, checkout) for checkout in order.open_checkouts]
    for call in calls:
        close_at_stripe(order_id, call)
    with locked_order(order_id) as order:
        if order.root.state == OrderState.CANCELED:
            return True
        if idle_since and paying_told_since(order, idle_since):
            return False
        order.record(decide_canceling(order, reason))
        order.record(*decide_settlement(order))
    return True
