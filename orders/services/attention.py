"""A person has looked at an order."""

from orders.decisions.attention import decide_clearing
from orders.services.loading import locked_order
from orders.services.refusals import refusals_on_record


@refusals_on_record
def clear_attention(*, order_id: int, reason: str) -> None:
    """The order has this reason to look at it no more; once cleared it stays so until it is raised again.

    `reason` is one of orders.models.Attention. Raises NotFound, or AttentionNotClearable where it
    follows from the sums.
    """
    with locked_order(order_id) as order:
        order.record(*decide_clearing(order, reason))
