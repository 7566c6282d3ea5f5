"""What a verified delivery says about an order's money and checkouts."""

from orders.decisions import decide_ignoring, decide_news, decide_settlement
from orders.events import OrderCheckoutClosed, OrderPaymentUpdated
from orders.projections import OrderAggregate

ALREADY_KNOWN = "already_known"


def record_news(
    *, order_id: int, event_id: str, event_type: str, facts: tuple[OrderCheckoutClosed | OrderPaymentUpdated, ...]
) -> bool:
    """Let an order learn what Stripe told, in the caller's transaction; True when that changed anything.

    What changed nothing is on record too (`order.event_ignored`), so that the timeline explains itself.
    Raises Order.DoesNotExist.
    """
    order = OrderAggregate.load_locked(order_id)
    changed = False
    for told in facts:
        decided = list(decide_news(order, told))
        order.record(*decided)
        changed = changed or bool(decided)
    if changed:
        order.record(*decide_settlement(order))
    else:
        order.record(decide_ignoring(event_id, event_type, ALREADY_KNOWN))
    order.save()
    return changed


def ignore_news(*, order_id: int, event_id: str, event_type: str, reason: str) -> None:
    """Put on record that a verified delivery about this order was not acted on. Raises Order.DoesNotExist."""
    order = OrderAggregate.load_locked(order_id)
    order.record(decide_ignoring(event_id, event_type, reason))
    order.save()
