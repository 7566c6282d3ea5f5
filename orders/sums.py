"""Money judged by sums: what came in, what was given back, what is disputed, whatever order it was heard of in.

Statuses are ranked, so that a late word can't undo a later state. Source: docs.stripe.com/api/charges/object,
docs.stripe.com/refunds#failed-refunds (a refund may fail after it succeeded), docs.stripe.com/api/disputes/object.
"""

from collections.abc import Iterable, Sequence

from orders.models import (
    Checkout,
    CheckoutState,
    Dispute,
    DisputeState,
    Order,
    Payment,
    PaymentSource,
    PaymentStatus,
    Refund,
)

PAYMENT_RANK: Sequence[str] = (PaymentStatus.PROCESSING, PaymentStatus.FAILED, PaymentStatus.SUCCEEDED)
CHECKOUT_RANK: Sequence[str] = (
    CheckoutState.OPEN,
    CheckoutState.EXPIRED,
    CheckoutState.CANCELED,
    CheckoutState.COMPLETED,
)
REFUND_RANK = ("requires_action", "pending", "succeeded", "canceled", "failed")
REFUND_MADE = "succeeded"
REFUNDS_UNDONE = frozenset({"canceled", "failed"})
DISPUTE_RANK = (
    "warning_needs_response",
    "warning_under_review",
    "needs_response",
    "under_review",
    "warning_closed",
    "prevented",
    "won",
    "lost",
)
OPEN_DISPUTES = frozenset(DISPUTE_RANK[:4])
# Best last: what was paid, before what an intent received, before what a Session asked for.
AUTHORITY: Sequence[str] = (PaymentSource.SESSION, PaymentSource.INTENT, PaymentSource.CHARGE)


def rank(ranking: Sequence[str], status: str) -> int:
    """A status that Stripe has added since ranks lowest: what we know of is believed before what we don't."""
    return ranking.index(status) if status in ranking else -1


def succeeded_words(payments: Iterable[Payment]) -> dict[str, list[Payment]]:
    """By PaymentIntent, the rows that say that it succeeded."""
    words: dict[str, list[Payment]] = {}
    for payment in payments:
        if payment.status == PaymentStatus.SUCCEEDED:
            words.setdefault(payment.payment_intent, []).append(payment)
    return words


def received(order: Order, payments: Iterable[Payment]) -> int:
    """Verified money that came in: of each PaymentIntent the best word, if the order counts it."""
    best = [best_word(words) for words in succeeded_words(payments).values()]
    return sum(word.amount for word in best if order.counts(word))


def best_word(words: Iterable[Payment]) -> Payment:
    return max(words, key=lambda word: AUTHORITY.index(word.source))


def covered(order: Order, payments: Iterable[Payment]) -> int:
    """The most that any verified words say: what decides once and for all that the order was paid."""
    words = succeeded_words(payments).values()
    return sum(max((word.amount for word in of_intent if order.counts(word)), default=0) for of_intent in words)


def finished_without_payment(checkouts: Iterable[Checkout], payments: Iterable[Payment]) -> bool:
    """Whether a Session was completed that says nothing of a payment: it required none."""
    speaking = {payment.source_id for payment in payments}
    return any(one.state == CheckoutState.COMPLETED and one.object_id not in speaking for one in checkouts)


def refunded(order: Order, refunds: Iterable[Refund]) -> int:
    """What was given back: succeeded refunds in the order's currency."""
    done = [refund for refund in refunds if refund.status == REFUND_MADE and refund.currency == order.currency]
    return sum(refund.amount for refund in done)


def dispute_state(disputes: Iterable[Dispute]) -> DisputeState:
    """Over several disputes lost counts before open before won; a warning that was closed is none."""
    statuses = {dispute.status for dispute in disputes}
    if "lost" in statuses:
        return DisputeState.LOST
    if statuses & OPEN_DISPUTES:
        return DisputeState.OPEN
    return DisputeState.WON if "won" in statuses else DisputeState.NONE


def undecided_intents(payments: Iterable[Payment]) -> set[str]:
    """PaymentIntents that are on their way: something says processing, and nothing that they succeeded.

    A failed attempt beside it decides nothing: another attempt may be what is processing.
    """
    statuses: dict[str, set[str]] = {}
    for payment in payments:
        statuses.setdefault(payment.payment_intent, set()).add(payment.status)
    return {
        intent
        for intent, told in statuses.items()
        if PaymentStatus.PROCESSING in told and PaymentStatus.SUCCEEDED not in told
    }
