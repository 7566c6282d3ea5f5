"""An order under its lock, for a service that was given its number."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Model

from core.refusals import NotFound
from orders.models import Order
from orders.projections import OrderAggregate


@contextmanager
def locked_order(order_id: int, *children: type[Model]) -> Iterator[OrderAggregate]:
    """As `OrderAggregate.locked`, raising NotFound where there is none."""
    try:
        with OrderAggregate.locked(order_id, *children) as order:
            yield order
    except Order.DoesNotExist:
        raise NotFound from None
