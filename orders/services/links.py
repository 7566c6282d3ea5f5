"""Revoking an order's signed links."""

from orders.events import OrderLinksRevoked
from orders.projections import OrderAggregate
from orders.services.loading import locked_order


def revoke_links(*, order_id: int, generation: int) -> bool:
    """Let the links of this generation, and those before it, open nothing any more; False where that is so already.

    Who asks twice has named the same generation twice. Raises NotFound.
    """
    with locked_order(order_id) as order:
        if order.root.link_generation != generation:
            return False
        revoke(order)
        return True


def revoke(order: OrderAggregate) -> None:
    order.record(OrderLinksRevoked(generation=order.root.link_generation + 1))
