"""Canceling: only what was not paid and is not being paid."""

from datetime import datetime

from django.utils.translation import gettext_noop as _

from orders import sums
from orders.decisions.commands import CommandRefused
from orders.events import OrderCanceled
from orders.models import CheckoutState, OrderState, PaymentStatus
from orders.projections import OrderAggregate


class OrderNotCancelable(CommandRefused):
    """An order is canceled only before it is paid, and not while its payment is completing."""

    code = "not_cancelable"
    message = _("This order can't be canceled: {reason}.")
    command = "cancel"
    words = {
        "paid": _("it is paid"),
        "partially_refunded": _("it is partially refunded"),
        "refunded": _("it is refunded"),
        "canceled": _("it was canceled"),
        "payment_under_way": _("a payment of it is on its way"),
        "open_at_stripe": _("it can still be paid at Stripe"),
    }


def refuse_unless_cancelable(order: OrderAggregate) -> None:
    """Raise OrderNotCancelable unless the order is unpaid and nothing is being paid.

    What came in without paying it (too little, say) does not keep it from being canceled: it is surplus then.
    """
    if order.root.state not in {OrderState.DRAFT, OrderState.PENDING}:
        raise OrderNotCancelable(order_id=order.root.pk, reason=order.root.state)
    processing = {payment.source_id for payment in order.payments if payment.status == PaymentStatus.PROCESSING}
    completed = {one.object_id for one in order.checkouts if one.state == CheckoutState.COMPLETED}
    if sums.undecided_intents(order.payments) or completed & processing:
        raise OrderNotCancelable(order_id=order.root.pk, reason="payment_under_way")


def paying_told_since(order: OrderAggregate, since: datetime) -> bool:
    """Whether anything was heard of a payment of the order after `since`, be it a decline."""
    return any(payment.updated_at > since for payment in order.payments)


def checkout_moved_since(order: OrderAggregate, since: datetime) -> bool:
    """Whether a checkout of the order was opened or closed after `since`."""
    moved = (moment for checkout in order.checkouts for moment in (checkout.opened_at, checkout.closed_at) if moment)
    return any(moment > since for moment in moved)


def decide_canceling(order: OrderAggregate, reason: str) -> OrderCanceled:
    """Cancel; every checkout must have been closed at Stripe before."""
    refuse_unless_cancelable(order)
    if order.open_checkouts:
        raise OrderNotCancelable(order_id=order.root.pk, reason="open_at_stripe")
    return OrderCanceled(reason=reason)
