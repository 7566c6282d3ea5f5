"""What a verified delivery says about an order's money and checkouts."""

from collections.abc import Sequence

from orders.decisions.money import News, decide_news, decide_settlement
from orders.events import OrderEventIgnored
from orders.models import Checkout, Dispute, OrderState, Payment, Refund, Review
from orders.projections import OrderAggregate
from orders.services.closing import intend_closing_of

ALREADY_KNOWN = "already_known"
# The rows below an order that news of money is judged by.
JUDGED_BY = (Checkout, Payment, Refund, Dispute, Review)


def record_news(order: OrderAggregate, *, event_id: str, event_type: str, call_id: str, facts: Sequence[News]) -> bool:
    """Let a locked order learn what Stripe told, in the caller's transaction; True when that changed anything.

    `call_id` is the call that opened the checkout which the news is of, '' where Stripe's object doesn't tell. What
    changed nothing is on record too (`order.event_ignored`), so that the timeline explains itself.
    """
    was_pending = order.root.state == OrderState.PENDING
    changed = False
    for told in facts:
        decided = list(decide_news(order, told))
        order.record(*decided)
        changed = changed or bool(decided)
    if changed:
        order.record(*decide_settlement(order))
    else:
        order.record(OrderEventIgnored(event_id=event_id, type=event_type, reason=ALREADY_KNOWN))
    order.save()
    if was_pending and order.root.state != OrderState.PENDING:
        close_siblings(order, call_id)
    return changed


def close_siblings(order: OrderAggregate, call_id: str) -> None:
    """Put on record that the checkouts beside the paid one are to be closed at Stripe; the sweeper sends it."""
    for checkout in order.open_checkouts:
        if checkout.call_id != call_id:
            intend_closing_of(order.root, checkout)


def ignore_news(order: OrderAggregate, *, event_id: str, event_type: str, reason: str) -> None:
    """Put on record that a verified delivery about this locked order was not acted on."""
    order.record(OrderEventIgnored(event_id=event_id, type=event_type, reason=reason))
    order.save()
