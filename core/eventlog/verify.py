"""`audit verify`: is the log still what was written?

Three witnesses: each event's digest covers its content and the event before it; versions count from 1 without a gap,
in the order of positions; and each aggregate's row knows the version and digest that its stream must end with.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby, zip_longest

from core.chain import Head, next_digest
from core.eventlog.aggregate import aggregates
from core.eventlog.append import event_bytes
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.streams import UnclaimedStreamError, aggregate_of, roots_without_events
from core.models import Event


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong, and the first event of the stream that shows it.

    `finding` is `altered`, `removed`, `inserted` or `row_missing`; `position` is null where the event is gone.
    """

    finding: str
    stream: str
    version: int
    position: int | None
    kind: str | None
    detail: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def verify_log() -> Iterator[Finding]:
    """All findings, at most one for each stream: behind the first broken link a chain proves nothing."""
    with read_only_snapshot():
        events = Event.objects.order_by("stream", "version").iterator(chunk_size=2000)
        for stream, in_stream in groupby(events, key=lambda event: event.stream):
            if finding := verify_stream(stream, list(in_stream)):
                yield finding
        for aggregate in aggregates.values():
            for root in roots_without_events(aggregate.root_model):
                yield removed(
                    root.stream, 1, f"the row stands at version {root.stream_version}, the log has no event of it"
                )


def verify_stream(stream: str, events: list[Event]) -> Finding | None:
    head = Head()
    for event, following in zip_longest(events, events[1:]):
        if finding := verify_event(event, head, following):
            return finding
        head = Head(event.version, bytes(event.digest))
    return verify_end(stream, head, events[-1])


def verify_event(event: Event, head: Head, following: Event | None) -> Finding | None:
    if event.version != head.version + 1:
        return removed(event.stream, head.version + 1, f"the next event that is there has version {event.version}")
    if following and event.position > following.position:
        return found("inserted", event, "its position is higher than that of the event behind it")
    if next_digest(head.digest, event_bytes(event)) != bytes(event.digest):
        if event.version > row_head(event.stream).version:
            return found("inserted", event, "its digest does not follow, and the row knows nothing of it")
        return found("altered", event, "its content and the event before it do not give its digest")
    return None


def verify_end(stream: str, head: Head, last: Event) -> Finding | None:
    try:
        aggregate, key = aggregate_of(stream)
    except UnclaimedStreamError:
        return found("inserted", last, "no part of this program writes such a stream")
    row = aggregate.root_model._default_manager.filter(pk=key).first()
    if row is None:
        return found("row_missing", last, "the row of this stream is gone; `replay --rebuild` restores it")
    if row.head.version > head.version:
        return removed(stream, head.version + 1, f"the row stands at version {row.head.version}")
    if row.head.version < head.version:
        return found("inserted", last, f"the row stands at version {row.head.version}")
    if row.head.digest != head.digest:
        return found("altered", last, "the chain is whole, but the row holds another digest of its end")
    return None


def row_head(stream: str) -> Head:
    try:
        aggregate, key = aggregate_of(stream)
    except UnclaimedStreamError:
        return Head()
    row = aggregate.root_model._default_manager.filter(pk=key).first()
    return row.head if row else Head(version=2**31)


def found(finding: str, event: Event, detail: str) -> Finding:
    return Finding(
        finding=finding,
        stream=event.stream,
        version=event.version,
        position=event.position,
        kind=event.kind,
        detail=detail,
    )


def removed(stream: str, version: int, detail: str) -> Finding:
    return Finding(finding="removed", stream=stream, version=version, position=None, kind=None, detail=detail)
