"""An order as it was: rebuilt from its log alone, whatever the rows say now."""

from dataclasses import dataclass
from datetime import datetime

from core.eventlog.append import read_facts
from core.models import Event
from core.refusals import NotFound
from orders.models import Order
from orders.projections import OrderAggregate


@dataclass(frozen=True, kw_only=True)
class Past:
    """`before` and `after` are the moments of the events next to those that made it: None at either end."""

    at: datetime
    order: OrderAggregate
    before: datetime | None
    after: datetime | None


def order_as_of(order_id: int, at: datetime) -> Past:
    """The fold of what was recorded until then; raises NotFound where nothing was.

    Clocks may differ, and the order of the log is that of its versions: an event counts with all before it.
    """
    events = list(Event.objects.filter(stream=Order.stream_of(order_id)).order_by("version"))
    count = max((index for index, event in enumerate(events, start=1) if event.recorded_at <= at), default=0)
    if not count:
        raise NotFound
    until, later = events[:count], events[count:]
    last = until[-1].recorded_at
    return Past(
        at=at,
        order=OrderAggregate.fold(order_id, read_facts(until)),
        before=max((event.recorded_at for event in until if event.recorded_at < last), default=None),
        after=min((event.recorded_at for event in later), default=None),
    )
