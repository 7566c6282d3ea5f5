"""What a verified delivery says about an order's money and checkouts."""

from collections.abc import Iterator

from orders.decisions import decide_closing, decide_ignoring, decide_payment, decide_settlement
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


def decide_news(order: OrderAggregate, told: OrderCheckoutClosed | OrderPaymentUpdated) -> Iterator[object]:
    if isinstance(told, OrderCheckoutClosed):
        return decide_closing(order, told)
    return decide_payment(order, told)


def ignore_news(*, order_id: int, event_id: str, event_type: str, reason: str) -> None:
    """Put on record that a verified delivery about this order was not acted on. Raises Order.DoesNotExist."""
    order = OrderAggregate.load_locked(order_id)
    order.record(decide_ignoring(event_id, event_type, reason))
    order.save()
