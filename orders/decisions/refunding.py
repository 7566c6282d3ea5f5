"""Refunding: no more than what came in by that payment and was not given back."""

from orders import sums
from orders.decisions.commands import CommandRefused
from orders.events import OrderRefundRequested
from orders.projections import OrderAggregate

# Stripe's own (docs.stripe.com/api/refunds/create), and one of ours: more came in than was due.
STRIPE_REASONS = ("requested_by_customer", "duplicate", "fraudulent")
REASONS = (*STRIPE_REASONS, "surplus")


class OrderNotRefundable(CommandRefused):
    """The payment has no such amount left to give back."""

    code = "not_refundable"
    message = "This can't be refunded: {reason}."
    command = "refund"
    words = {
        "unknown_reason": f"its reason must be one of {', '.join(REASONS)}",
        "no_such_payment": "no such payment came in",
        "not_left": "{amount} is left of this payment",
    }


def decide_refunding(
    order: OrderAggregate, *, payment_intent: str, amount: int, under_way: int, reason: str, call_id: str
) -> OrderRefundRequested:
    """Ask for a refund; `under_way` is what was asked of this payment and not answered yet, in minor units.

    Money that can't be counted (of a wrong currency, say) can be given back too: it is not ours.
    """
    order_id = order.root.pk
    if reason not in REASONS:
        raise OrderNotRefundable(order_id=order_id, reason="unknown_reason")
    words = sums.succeeded_words(order.payments).get(payment_intent)
    if not words:
        raise OrderNotRefundable(order_id=order_id, reason="no_such_payment")
    best = sums.best_word(words)
    given = sum(
        refund.amount
        for refund in order.refunds
        if refund.payment_intent == payment_intent and refund.status not in sums.REFUNDS_UNDONE
    )
    left = best.amount - given - under_way
    if not 0 < amount <= left:
        raise OrderNotRefundable(order_id=order_id, reason="not_left", amount=max(left, 0), currency=best.currency)
    return OrderRefundRequested(call_id=call_id, payment_intent=payment_intent, amount=amount, reason=reason)
