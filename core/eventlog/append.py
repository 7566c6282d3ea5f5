"""Appending to the log and reading a stream: the only code that writes core.models.Event."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db.models import QuerySet

from core.chain import Head, canonical_bytes, next_digest
from core.eventlog import provenance
from core.eventlog.facts import decode, encode
from core.models import Event
from core.pipeline import Statement
from core.rows import blank_row, insert_rows


class StreamConflictError(Exception):
    """Somebody else appended to the stream first; the transaction is broken, so roll back, load the row again, decide
    again.
    """

    def __init__(self, stream: str, expected_version: int) -> None:
        super().__init__(f"{stream} is no longer at version {expected_version}")
        self.stream = stream
        self.expected_version = expected_version


class LoggedEvent(NamedTuple):
    """The columns of core.models.Event that were written, without the cost of a model: that would be half of a check.

    Who folds reads facts right out of `json`, which are the data.
    """

    position: int
    stream: str
    version: int
    kind: str
    schema: int
    json: str
    actor: str
    correlation_id: str
    cause: str
    recorded_at: datetime
    digest: bytes

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.json)


type AnyEvent = Event | LoggedEvent


class RecordedFact(NamedTuple):
    """A fact read back from the log, with the row that it came from."""

    fact: Any
    event: Event


def appending(stream: str, head: Head, facts: Sequence[object], recorded_at: datetime) -> tuple[Statement, Head]:
    """What appends facts behind `head`, the stream's end as the caller's locked row knows it, and the new end.

    One INSERT, for the caller's transaction. It is refused with StreamConflictError when `head` is not the stream's end
    any more. `recorded_at` is the caller's, so that the row it folds and the log say the same time.
    """
    origin = provenance.current()
    events = []
    end = head
    for fact in facts:
        kind, schema, data = encode(fact)
        event = blank_row(
            Event,
            stream=stream,
            version=end.version + 1,
            kind=kind,
            schema=schema,
            data=data,
            actor=origin.actor,
            correlation_id=origin.correlation_id,
            cause=origin.cause,
            recorded_at=recorded_at,
        )
        event.digest = next_digest(end.digest, event_bytes(event))
        end = Head(event.version, event.digest)
        events.append(event)
    return insert_rows(events, refusal=StreamConflictError(stream, head.version)), end


def event_bytes(event: AnyEvent) -> bytes:
    """What the event's digest covers."""
    return canonical_bytes(
        stream=event.stream,
        version=event.version,
        kind=event.kind,
        schema=event.schema,
        data=event.data,
        actor=event.actor,
        correlation_id=event.correlation_id,
        cause=event.cause,
        recorded_at=event.recorded_at,
    )


def read_stream(stream: str) -> list[RecordedFact]:
    """All facts of one stream, oldest first."""
    return list(read_facts(Event.objects.filter(stream=stream).order_by("version")))


def read_facts(events: QuerySet[Event] | Iterable[Event]) -> Iterator[RecordedFact]:
    for event in events:
        yield RecordedFact(decode(event.kind, event.schema, event.data), event)
