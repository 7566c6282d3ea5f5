"""A person has looked at an order."""

from core.refusals import NotFound
from orders.decisions.attention import decide_clearing
from orders.models import Order
from orders.projections import OrderAggregate
from orders.services.refusals import refusals_on_record


@refusals_on_record
def clear_attention(*, order_id: int, reason: str) -> None:
    """The order has this reason to look at it no more; once cleared it stays so until it is raised again.

    `reason` is one of orders.models.Attention. Raises NotFound, or AttentionNotClearable where it
    follows from the sums.
    """
    try:
        with OrderAggregate.locked(order_id) as order:
            order.record(*decide_clearing(order, reason))
    except Order.DoesNotExist:
        raise NotFound from None
