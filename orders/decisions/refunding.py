"""Refunding: no more than what came in by that payment and was not given back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from orders import sums
from orders.decisions.commands import CommandRefused
from orders.events import OrderRefundRequested
from orders.models import Payment
from orders.projections import OrderAggregate

# Stripe's own (docs.stripe.com/api/refunds/create), and one of ours: more came in than was due.
STRIPE_REASONS = ("requested_by_customer", "duplicate", "fraudulent")
SURPLUS = "surplus"
REASONS = (*STRIPE_REASONS, SURPLUS)


class OrderNotRefundable(CommandRefused):
    """The payment has no such amount left to give back."""

    code = "not_refundable"
    message = "This can't be refunded: {reason}."
    command = "refund"
    words = {
        "unknown_reason": f"its reason must be one of {', '.join(REASONS)}",
        "no_such_payment": "no such payment came in",
        "not_left": "{amount} is left of this payment",
        "asked_differently": "another refund was asked for under the same id",
        "no_surplus": "no more came in than is due",
        "surplus_changed": "the surplus is {amount} now",
    }


@dataclass(frozen=True, kw_only=True)
class Refundable:
    """What is left of one payment: `left` in minor units of its own currency, which may be a wrong one.

    `is_counted` says that it is verified money of its order; other money is not ours, and can be given back too.
    """

    payment_intent: str
    account: str
    livemode: bool
    currency: str
    left: int
    is_counted: bool
    came_in: datetime


def refundable(order: OrderAggregate, under_way: Mapping[str, int]) -> list[Refundable]:
    """Every payment that came in, the newest first.

    `under_way` is what was asked of each PaymentIntent and not answered yet, in minor units.
    """
    words = sums.succeeded_words(order.payments)
    found = [left_of(order, of_intent, under_way.get(intent, 0)) for intent, of_intent in words.items()]
    return sorted(found, key=lambda payment: (payment.came_in, payment.payment_intent), reverse=True)


def left_of(order: OrderAggregate, words: list[Payment], under_way: int) -> Refundable:
    best = sums.best_word(words)
    given = sum(
        refund.amount
        for refund in order.refunds
        if refund.payment_intent == best.payment_intent and refund.status not in sums.REFUNDS_UNDONE
    )
    return Refundable(
        payment_intent=best.payment_intent,
        account=best.account,
        livemode=best.livemode,
        currency=best.currency,
        left=max(0, best.amount - given - under_way),
        is_counted=order.root.counts(best),
        came_in=min(word.updated_at for word in words),
    )


def decide_refunding(
    order: OrderAggregate,
    *,
    payment_intent: str,
    amount: int,
    under_way: Mapping[str, int],
    reason: str,
    call_id: str,
) -> OrderRefundRequested:
    """Ask for a refund of `amount`, in minor units of the payment's currency; raises OrderNotRefundable."""
    order_id = order.root.pk
    if reason not in REASONS:
        raise OrderNotRefundable(order_id=order_id, reason="unknown_reason")
    payments = {payment.payment_intent: payment for payment in refundable(order, under_way)}
    payment = payments.get(payment_intent)
    if payment is None:
        raise OrderNotRefundable(order_id=order_id, reason="no_such_payment")
    if not 0 < amount <= payment.left:
        raise OrderNotRefundable(order_id=order_id, reason="not_left", amount=payment.left, currency=payment.currency)
    return OrderRefundRequested(call_id=call_id, payment_intent=payment_intent, amount=amount, reason=reason)


def surplus_parts(order: OrderAggregate, under_way: Mapping[str, int]) -> Iterator[tuple[Refundable, int]]:
    """What of which payment gives all surplus back: the newest ones first, since they made it too much.

    Disputed ones come last: Stripe refunds none of which it may have to take the money back (docs.stripe.com/disputes).
    Refunds that are on their way count as given. What can't be counted is no surplus; it has its own currency.
    """
    disputed = {dispute.payment_intent for dispute in order.disputes}
    payments = [payment for payment in refundable(order, under_way) if payment.is_counted]
    payments.sort(key=lambda payment: payment.payment_intent in disputed)
    surplus = sum(payment.left for payment in payments) - order.root.due
    for payment in payments:
        part = min(payment.left, surplus)
        if part > 0:
            yield payment, part
            surplus -= part


def decide_returning_surplus(
    order: OrderAggregate, *, amount: int, under_way: Mapping[str, int], call_ids: Mapping[str, str]
) -> list[OrderRefundRequested]:
    """Ask for as many refunds as it takes to give all surplus back; `call_ids` are by PaymentIntent.

    `amount` is what a person has agreed to, in minor units: raises OrderNotRefundable where the surplus is another.
    """
    root, parts = order.root, list(surplus_parts(order, under_way))
    surplus = sum(part for _, part in parts)
    if not surplus:
        raise OrderNotRefundable(order_id=root.pk, reason="no_surplus")
    if surplus != amount:
        raise OrderNotRefundable(order_id=root.pk, reason="surplus_changed", amount=surplus, currency=root.currency)
    return [
        OrderRefundRequested(
            call_id=call_ids[payment.payment_intent], payment_intent=payment.payment_intent, amount=part, reason=SURPLUS
        )
        for payment, part in parts
    ]
