"""Canceling an order: closed at Stripe first, so that nobody pays what was canceled."""

from django.db import transaction

from core.refusals import NotFound
from orders.decisions import decide_canceling, refuse_unless_cancelable
from orders.models import CheckoutState, Order
from orders.projections import OrderAggregate
from orders.services.checkout import finish_expiring, intend_expiry


def cancel_order(*, order_id: int, reason: str) -> None:
    """Expire what is open at Stripe, then cancel. Raises NotFound or OrderNotCancelable, having canceled nothing."""
    try:
        with transaction.atomic(durable=True):
            order = OrderAggregate.load_locked(order_id)
            refuse_unless_cancelable(order)
            for checkout in order.checkouts:
                if checkout.state == CheckoutState.OPEN:
                    intend_expiry(order.root, checkout.session_id)
        finish_expiring(order_id)
        with OrderAggregate.locked(order_id) as order:
            order.record(decide_canceling(order, reason))
    except Order.DoesNotExist:
        raise NotFound from None
