"""Orders' streams without Stripe, for tests of the log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from core.chain import Head
from core.eventlog import provenance
from core.eventlog.append import appending
from core.trips import write
from orders.events import OrderCanceled, OrderDrafted, OrderLineSet
from orders.models import Item
from orders.projections import OrderAggregate
from orders.services.drafting import next_order_id


def draft_order(item: Item, *, shopper_id: str = "", canceled: bool = False) -> OrderAggregate:
    """An order of two events, three if it is canceled; its shopper is a new one unless named: each has one draft."""
    with provenance.acting("shopper", correlation_id="test"):
        order = OrderAggregate.begin(next_order_id())
        order.record(
            OrderDrafted(
                shopper_id=shopper_id or uuid4().hex,
                account="default",
                livemode=False,
                currency="usd",
                buy_item=None,
            ),
            OrderLineSet(item=item.pk, name=item.name, quantity=2, unit_amount=item.price),
        )
        if canceled:
            order.record(OrderCanceled(reason="test"))
        order.save()
    return order


def append(stream: str, head: Head, facts: Sequence[object], recorded_at: datetime) -> Head:
    """Facts behind the end of a stream, whatever its row says; returns the new end."""
    events, end = appending(stream, head, facts, recorded_at)
    write(events)
    return end
