"""What may be wrong whatever the end is: anywhere, or in the streams that deliveries about one order can write to."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from billing.models import StripeCall
from billing.services import open_calls
from core.eventlog.aggregate import Aggregate
from core.eventlog.append import read_facts
from core.eventlog.replay import check_rows, class_of, compare_with_rows
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.streams import aggregate_of
from core.eventlog.verify import verify_log, verify_stream
from core.models import Event
from orders.models import Order
from webhooks.models import Delivery, DeliveryState

UNDONE = (DeliveryState.RECEIVED, DeliveryState.FAILED, DeliveryState.REFUSED)


def problems() -> Iterator[str]:
    """Of `replay --check`, `audit verify`, the inbox and the journal."""
    for finding in (*check_rows(), *verify_log()):
        yield str(finding.as_json())
    yield from left_undone()


def problems_of(order_id: int) -> Iterator[str]:
    """As above, of an order's stream and those of its calls; their events are read once for both checks."""
    own = Order.stream_of(order_id)
    calls = StripeCall.objects.filter(subject=own).values_list("pk", flat=True)
    streams = [own, *(StripeCall.stream_of(call) for call in calls)]
    with read_only_snapshot():
        events = Event.objects.filter(stream__in=streams).order_by("stream", "version")
        log = {stream: list(in_stream) for stream, in_stream in groupby(events, key=lambda event: event.stream)}
        findings: list[Any] = [verify_stream(stream, in_stream) for stream, in_stream in log.items()]
        folded = [fold(stream, in_stream) for stream, in_stream in log.items()]
        for aggregate, of_one_class in groupby(folded, key=class_of):
            findings += compare_with_rows(aggregate, list(of_one_class))
    yield from (str(finding.as_json()) for finding in findings if finding)
    yield from (f"{stream} has no event" for stream in streams if stream not in log)
    yield from left_undone()


def fold(stream: str, events: Iterable[Event]) -> Aggregate[Any]:
    aggregate, key = aggregate_of(stream)
    return aggregate.fold(key, read_facts(events))


def left_undone() -> Iterator[str]:
    for delivery in Delivery.objects.filter(state__in=UNDONE).defer("payload"):
        yield f"{delivery.type} is {delivery.state}: {delivery.reason}"
    for call in open_calls():
        yield f"{call.operation} is {call.state}: {call.reason}"
