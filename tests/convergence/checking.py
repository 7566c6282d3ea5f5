"""What may be wrong whatever the end is: anywhere, or in the streams that deliveries about one order can write to."""

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from typing import Any

from billing.models import StripeCall
from billing.projections import CallAggregate
from billing.services import open_calls
from core.chain import Head
from core.eventlog.aggregate import Aggregate
from core.eventlog.append import read_facts
from core.eventlog.replay import check_rows, compare_row, rows_of
from core.eventlog.verify import verify_event, verify_log
from core.models import Event
from orders.projections import OrderAggregate
from webhooks.models import Delivery, DeliveryState

UNDONE = (DeliveryState.RECEIVED, DeliveryState.FAILED, DeliveryState.REFUSED)


def problems() -> Iterator[str]:
    """Of `replay --check`, `audit verify`, the inbox and the journal."""
    for finding in (*check_rows(), *verify_log()):
        yield str(finding.as_json())
    yield from undone(Delivery.objects.filter(state__in=UNDONE), open_calls())


def problems_of(order: OrderAggregate) -> Iterator[str]:
    """As above, of an order as it is stored and of its calls; rows and events are read once for all checks."""
    calls = [CallAggregate(call, stored=True) for call in StripeCall.objects.filter(subject=order.root.stream)]
    aggregates: list[Aggregate[Any]] = [order, *calls]
    stored = {one.root.stream: one for one in aggregates}
    events = Event.objects.filter(stream__in=list(stored)).order_by("stream", "version")
    log = {stream: list(in_stream) for stream, in_stream in groupby(events, key=lambda event: event.stream)}
    for stream, aggregate in stored.items():
        in_stream = log.get(stream, [])
        # Where the chain is broken its facts may fold in any way.
        yield from list(check_chain(in_stream)) or check_fold(aggregate, in_stream)
    yield from undone(Delivery.objects.filter(state__in=UNDONE), [call.root for call in calls if call.root.is_open])


def check_chain(events: list[Event]) -> Iterator[str]:
    """That the row knows the end of it is seen where the row is compared: the head is among its columns."""
    head = Head()
    for event, following in zip_longest(events, events[1:]):
        if finding := verify_event(event, head, following):
            yield str(finding.as_json())
        head = Head(event.version, bytes(event.digest))


def check_fold(stored: Aggregate[Any], events: list[Event]) -> Iterator[str]:
    folded = stored.fold(stored.root.pk, read_facts(events))
    for model in (stored.root_model, *stored.child_models):
        rows, expected = ({row.pk: row for row in rows_of(one, model)} for one in (stored, folded))
        for key in sorted(rows.keys() | expected.keys(), key=str):
            for drift in compare_row(stored.root.stream, rows.get(key), expected.get(key)):
                yield str(drift.as_json())


def undone(deliveries: Iterable[Delivery], calls: Iterable[StripeCall]) -> Iterator[str]:
    for delivery in deliveries:
        yield f"{delivery.type} is {delivery.state}: {delivery.reason}"
    for call in calls:
        yield f"{call.operation} is {call.state}: {call.reason}"
