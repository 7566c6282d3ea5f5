"""Money: what Stripe tells of payments, refunds, disputes and reviews, and what the sums then say of the order.

Nothing here depends on the order in which things are told: each object's own highest status stands, and everything else
follows from the sums (orders/sums.py).
"""

from collections.abc import Iterator

from orders import sums
from orders.decisions.checkouts import decide_closing
from orders.events import (
    OrderAttentionCleared,
    OrderAttentionRaised,
    OrderCheckoutClosed,
    OrderDisputeUpdated,
    OrderPaid,
    OrderPaymentUpdated,
    OrderRefunded,
    OrderRefundUpdated,
    OrderReviewUpdated,
)
from orders.models import SETTLED_STATES, Attention, OrderState, Payment, PaymentStatus, Refund
from orders.projections import OrderAggregate

type News = OrderCheckoutClosed | OrderPaymentUpdated | OrderRefundUpdated | OrderDisputeUpdated | OrderReviewUpdated


def decide_news(order: OrderAggregate, told: News) -> Iterator[object]:
    """What follows from one thing that Stripe told; nothing when it is known or overtaken."""
    match told:
        case OrderCheckoutClosed():
            yield from decide_closing(order, told)
        case OrderPaymentUpdated():
            yield from decide_payment(order, told)
        case OrderRefundUpdated():
            yield from decide_refund(order, told)
        case OrderDisputeUpdated():
            yield from decide_dispute(order, told)
        case OrderReviewUpdated():
            yield from decide_review(order, told)


def decide_payment(order: OrderAggregate, told: OrderPaymentUpdated) -> Iterator[object]:
    """An object's own higher status wins, an equal one fills in the charge."""
    known = next((payment for payment in order.payments if payment.source_id == told.source_id), None)
    rank = sums.rank(sums.PAYMENT_RANK, told.status), told.charge
    if known is None or rank > (sums.rank(sums.PAYMENT_RANK, known.status), known.charge):
        yield told


def decide_refund(order: OrderAggregate, told: OrderRefundUpdated) -> Iterator[object]:
    """A refund's higher status wins: failed over succeeded, since that is the way it goes.

    A person is told once of each refund that failed, and says when they have seen to it: another refund may make it
    good or be for something else, and no sum tells which. Failed being the highest status, a refund comes to it
    once, in whatever order things are told; so what was looked at is not raised again by what comes later.
    """
    known = next((refund for refund in order.refunds if refund.refund_id == told.refund), None)
    if known is None or weight_of_refund(told) > weight_of_refund(known):
        fails = told.status == "failed" and (known is None or known.status != "failed")
        yield told
        if fails and Attention.REFUND_FAILED not in order.root.attention:
            yield OrderAttentionRaised(reason=Attention.REFUND_FAILED)


def weight_of_refund(said: OrderRefundUpdated | Refund) -> tuple[int, str, str, str, str]:
    """By status; at an equal one what fills in more. So any order of arrival ends alike."""
    return sums.rank(sums.REFUND_RANK, said.status), said.status, said.charge, said.failure_reason, said.call_id


def decide_dispute(order: OrderAggregate, told: OrderDisputeUpdated) -> Iterator[object]:
    """A dispute's higher status wins; at an equal one the later deadline."""
    known = next((dispute for dispute in order.disputes if dispute.dispute_id == told.dispute), None)
    due_by = int(known.due_by.timestamp()) if known and known.due_by else 0
    weight = sums.rank(sums.DISPUTE_RANK, told.status), told.status, told.due_by or 0
    if known is None or weight > (sums.rank(sums.DISPUTE_RANK, known.status), known.status, due_by):
        yield told


def decide_review(order: OrderAggregate, told: OrderReviewUpdated) -> Iterator[object]:
    """Closed is the end of a review."""
    known = next((review for review in order.reviews if review.review_id == told.review), None)
    if known is None or (known.is_open and not told.is_open):
        yield told


def decide_settlement(order: OrderAggregate) -> Iterator[object]:
    """What the sums say now: paid when verified money covers the total, how far refunded, what a person should look at.

    `paid` is never taken back, so it must not depend on which word came first: one that covers is enough. Where a
    better word says less, the order is paid and underpaid, and a person is told.
    """
    root = order.root
    state = root.state
    if state == OrderState.PENDING and is_covered(order):
        yield OrderPaid(received=root.received)
        state = OrderState.PAID
    if state in SETTLED_STATES and state != (far := how_far_refunded(order)):
        yield OrderRefunded(state=far, refunded=root.refunded, net=root.received - root.refunded)
    wanted = reasons_to_look(order, is_settled=state in SETTLED_STATES)
    yield from (OrderAttentionRaised(reason=reason) for reason in sorted(wanted - set(root.attention)))
    yield from (OrderAttentionCleared(reason=reason) for reason in sorted((FROM_SUMS - wanted) & set(root.attention)))


def is_covered(order: OrderAggregate) -> bool:
    """A total is covered by verified money alone; one of zero, where none came, by a Session that required none."""
    covered = sums.covered(order.root, order.payments)
    if order.root.total == 0:
        return covered > 0 or sums.finished_without_payment(order.checkouts, order.payments)
    return covered >= order.root.total


def how_far_refunded(order: OrderAggregate) -> OrderState:
    """Of an order that was paid: partially while something of the total is left, fully when nothing is."""
    root = order.root
    net = root.received - root.refunded
    if root.refunded == 0 or net >= root.total:
        return OrderState.PAID
    return OrderState.PARTIALLY_REFUNDED if net > 0 else OrderState.REFUNDED


# The reasons that come and go with the sums; the others are cleared by a person.
FROM_SUMS = frozenset(
    {
        Attention.SURPLUS,
        Attention.UNDERPAID,
        Attention.UNCOUNTED,
        Attention.DISPUTED,
        Attention.IN_REVIEW,
    }
)


def reasons_to_look(order: OrderAggregate, *, is_settled: bool) -> set[str]:
    root = order.root
    kept = {intent: kept_of(order, intent, words) for intent, words in sums.succeeded_words(order.payments).items()}
    words = [word for word in order.payments if word.payment_intent in kept and word.status == PaymentStatus.SUCCEEDED]
    claims_paid = is_settled or sums.finished_without_payment(order.checkouts, order.payments)
    holds = {
        Attention.SURPLUS: root.surplus > 0,
        Attention.UNDERPAID: root.due > root.received and (root.received > 0 or claims_paid),
        Attention.UNCOUNTED: any(not root.counts(word) and kept[word.payment_intent] > 0 for word in words),
        Attention.DISPUTED: any(dispute.status in sums.OPEN_DISPUTES for dispute in order.disputes),
        Attention.IN_REVIEW: any(review.is_open for review in order.reviews),
    }
    return {reason for reason, is_so in holds.items() if is_so}


def kept_of(order: OrderAggregate, intent: str, words: list[Payment]) -> int:
    """What of one payment was not given back, in minor units of its own currency."""
    given = (one.amount for one in order.refunds if (one.payment_intent, one.status) == (intent, "succeeded"))
    return sums.best_word(words).amount - sum(given)
