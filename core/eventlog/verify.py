"""`audit verify`: is the log still what was written?

Four witnesses: each event's digest covers its content and the event before it; versions count from 1 without a gap,
in the order of positions; each aggregate's row knows the version and digest that its stream must end with; and signed
checkpoints hold the digests of all streams, so that not even who rewrites a stream and its row goes unseen.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import batched, chain, groupby, islice, pairwise, zip_longest
from operator import attrgetter
from typing import Any, NamedTuple

from core.chain import Head, next_digest
from core.eventlog.aggregate import aggregates
from core.eventlog.append import AnyEvent, event_bytes
from core.eventlog.bare import bare_rows
from core.eventlog.checkpoints import BATCH, MARK, checkpoint_hash, events_behind, signature_fits, trusted_keys
from core.eventlog.merkle import MerkleTree
from core.eventlog.reading import (
    EVENTS_IN_A_RANGE,
    Part,
    StreamRange,
    in_processes,
    of_each_range,
    read_events,
)
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.streams import UnclaimedStreamError, aggregate_of, roots_without_events
from core.eventlog.tail import Cursor, SettledDigest, cursor_of
from core.models import Checkpoint, Event, StreamHead
from core.rows import column_of, primary_key, table_of

STREAMS_AT_ONCE = 500


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


@dataclass(frozen=True, kw_only=True)
class CheckpointFinding:
    """What is wrong with a checkpoint, or with the events that it signed for, and the first event that shows it.

    `finding` is `checkpoint_altered`, `checkpoint_removed` or `checkpoint_unvouched`, and of its events `altered`,
    `removed`, `inserted` or `moved`; the event is null where it is gone or can't be told.
    """

    finding: str
    checkpoint: int
    stream: str | None
    version: int | None
    position: int | None
    kind: str | None
    detail: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def verify_log() -> Iterator[Finding | CheckpointFinding]:
    """All findings, at most one for each stream and checkpoint: behind the first broken link a chain proves nothing."""
    with read_only_snapshot():
        yield from in_processes(parts_of_log())


def parts_of_log() -> Iterator[Part[Finding | CheckpointFinding]]:
    yield from of_each_range(verify_streams)
    yield streams_that_are_gone
    yield from parts_of_checkpoints()


def streams_that_are_gone() -> Iterator[Finding]:
    for aggregate in aggregates.values():
        for root in roots_without_events(aggregate.root_model).iterator():
            yield removed(
                root.stream, 1, f"the row stands at version {root.stream_version}, the log has no event of it"
            )


class End(NamedTuple):
    """Where a whole chain ends."""

    head: Head
    last: AnyEvent


def verify_streams(streams: StreamRange) -> Iterator[Finding]:
    chains = (verify_chain(in_stream) for _, in_stream in groupby(read_events(streams), key=attrgetter("stream")))
    for batch in batched(chains, STREAMS_AT_ONCE):
        heads = row_heads(end.last.stream for end in batch if isinstance(end, End))
        for end in batch:
            finding = verify_end(end, heads) if isinstance(end, End) else end
            if finding:
                yield finding


def verify_chain(events: Iterable[AnyEvent]) -> Finding | End:
    """`events` are of one stream, and at least one."""
    head = Head()
    for event, following in pairwise(chain(events, [None])):
        if event is None:
            break
        if finding := verify_event(event, head, following):
            return finding
        head, last = Head(event.version, bytes(event.digest)), event
    return End(head, last)


def verify_event(event: AnyEvent, head: Head, following: AnyEvent | None) -> Finding | None:
    if event.version != head.version + 1:
        return removed(event.stream, head.version + 1, f"the next event that is there has version {event.version}")
    if following and event.position > following.position:
        return found("inserted", event, "its position is higher than that of the event behind it")
    if next_digest(head.digest, event_bytes(event)) != bytes(event.digest):
        if event.version > row_head(event.stream).version:
            return found("inserted", event, "its digest does not follow, and the row knows nothing of it")
        return found("altered", event, "its content and the event before it do not give its digest")
    return None


def verify_end(end: End, heads: Mapping[str, Head | None]) -> Finding | None:
    """`heads` as of `row_heads`."""
    head, last = end
    if last.stream not in heads:
        return found("inserted", last, "no part of this program writes such a stream")
    row = heads[last.stream]
    if row is None:
        return found("row_missing", last, "there is no row of it; if it was ours, `replay --rebuild` restores it")
    if row.version > head.version:
        return removed(last.stream, head.version + 1, f"the row stands at version {row.version}")
    if row.version < head.version:
        return found("inserted", last, f"the row stands at version {row.version}")
    if row.digest != head.digest:
        return found("altered", last, "the chain is whole, but the row holds another digest of its end")
    return None


def row_head(stream: str) -> Head:
    """What the row says; of a stream without a row anything may be said, of one that nobody claims nothing."""
    heads = row_heads([stream])
    if stream not in heads:
        return Head()
    return heads[stream] or Head(version=2**31)


def row_heads(streams: Iterable[str]) -> dict[str, Head | None]:
    """What the rows say of their streams, None where there is no row; a stream that nobody claims is left out."""
    keys: dict[type[StreamHead], dict[str, Any]] = {}
    for stream in streams:
        with suppress(UnclaimedStreamError):
            aggregate, key = aggregate_of(stream)
            keys.setdefault(aggregate.root_model, {})[stream] = key
    heads: dict[str, Head | None] = {}
    for model, of_model in keys.items():
        stored = {key: Head(*head) for key, *head in bare_rows(heads_of(model), [list(of_model.values())])}
        heads |= {stream: stored.get(key) for stream, key in of_model.items()}
    return heads


@cache
def heads_of(model: type[StreamHead]) -> str:
    key, table = column_of(primary_key(model)), table_of(model)
    return f"SELECT {key}, stream_version, stream_digest FROM {table} WHERE {key} = ANY(%s)"  # noqa: S608 our own names


def found(finding: str, event: AnyEvent, detail: str) -> Finding:
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


def parts_of_checkpoints() -> Iterator[Part[CheckpointFinding]]:
    """The checkpoints themselves, then the events of every one that can be believed."""
    findings = list(verify_signatures())
    yield partial(list, findings[::-1])
    doubtful = {finding.checkpoint for finding in findings}
    numbers: list[int] = []
    events = 0
    for number, count in Checkpoint.objects.order_by("number").values_list("number", "count").iterator():
        if number not in doubtful:
            numbers.append(number)
            events += count
        if events >= EVENTS_IN_A_RANGE:
            yield partial(verify_signed, numbers)
            numbers, events = [], 0
    yield partial(verify_signed, numbers)


def verify_signed(numbers: list[int]) -> Iterator[CheckpointFinding]:
    for checkpoint in Checkpoint.objects.filter(number__in=numbers).order_by("number").iterator(chunk_size=100):
        if finding := verify_events(checkpoint):
            yield finding


def verify_signatures() -> Iterator[CheckpointFinding]:
    """From the newest to the oldest, since a signature vouches for what came before it.

    A checkpoint is believed when AUDIT_SIGNING_KEY names its key, or when the next one is believed and holds its hash:
    so keys that were replaced long ago need not be known any more.
    """
    trusted = trusted_keys()
    newer, vouched = None, None
    for checkpoint in Checkpoint.objects.order_by("-number").iterator(chunk_size=100):
        if newer and checkpoint.number + 1 < newer:
            yield missing(checkpoint.number + 1, newer)
            vouched = None
        finding = verify_signature(checkpoint, vouched, trusted)
        if finding:
            yield finding
        newer, vouched = checkpoint.number, None if finding else bytes(checkpoint.previous)
    if newer and newer > 1:
        yield missing(1, newer)


def verify_signature(
    checkpoint: Checkpoint, vouched: bytes | None, trusted: frozenset[bytes]
) -> CheckpointFinding | None:
    """`vouched` is the hash that the next checkpoint holds, None where there is none to be believed."""
    number = checkpoint.number
    if not signature_fits(checkpoint):
        return doubt("checkpoint_altered", number, "its signature is not of what it says")
    if vouched is None and bytes(checkpoint.public_key) not in trusted:
        return doubt("checkpoint_unvouched", number, "AUDIT_SIGNING_KEY does not name the key that signed it")
    if vouched is not None and checkpoint_hash(checkpoint) != vouched:
        return doubt("checkpoint_altered", number, "the next checkpoint was signed behind another one")
    return None


def missing(first: int, newer: int) -> CheckpointFinding:
    return doubt("checkpoint_removed", first, f"of the checkpoints {newer - first} are gone, up to number {newer - 1}")


def verify_events(checkpoint: Checkpoint) -> CheckpointFinding | None:
    tree, marks, last = MerkleTree(), bytearray(), None
    for event in signed_events(checkpoint):
        tree.append(event.digest)
        marks += event.digest[:MARK]
        last = event
    end = list(cursor_of(last)) if last else checkpoint.after
    if (tree.root(), end) == (bytes(checkpoint.root), checkpoint.to):
        return None
    return first_difference(checkpoint, array("I", bytes(checkpoint.marks)), array("I", bytes(marks)))


def signed_events(checkpoint: Checkpoint) -> Iterator[SettledDigest]:
    """The events that are in the checkpoint's range now, in their settled order."""
    to = Cursor(*checkpoint.to)
    # One more than there should be shows the end, and little is read beyond it.
    for events in events_behind(checkpoint.after, min(BATCH, checkpoint.count + 1)):
        within = bisect_left(events, True, key=lambda event: is_behind(cursor_of(event), to))  # noqa: FBT003 False, then True
        yield from events[:within]
        if within < len(events):
            return


def is_behind(cursor: Cursor, end: Cursor) -> bool:
    if cursor.cluster == end.cluster:
        return cursor > end
    return cursor.position > end.position  # which orders the clusters


def first_difference(checkpoint: Checkpoint, signed: "array[int]", present: "array[int]") -> CheckpointFinding:
    """Where the events' marks part from those that were signed, and whether because one is gone, or new, or both."""
    count = f"{len(signed)} events were signed for, {len(present)} are there"
    pairs = enumerate(zip_longest(signed, present))
    index, was, now = next(((index, was, now) for index, (was, now) in pairs if was != now), (None, None, None))
    if index is None:
        return doubt("altered", checkpoint.number, f"{count}, and which of them has changed can't be told")
    gone = was is not None and was not in present
    new = now is not None and now not in signed
    settled = next(islice(signed_events(checkpoint), index, None), None)
    event = Event.objects.get(position=settled.position) if settled else None
    if gone and not new:
        place = f"before position {event.position} ({event})" if event else "at the end of its range"
        return doubt("removed", checkpoint.number, f"{count}; the first one that is gone stood {place}")
    finding = {(True, True): "altered", (False, True): "inserted"}.get((gone, new), "moved")
    return doubt(finding, checkpoint.number, f"{count}; this is the first that is not as it was, or not where", event)


def doubt(finding: str, number: int, detail: str, event: Event | None = None) -> CheckpointFinding:
    return CheckpointFinding(
        finding=finding,
        checkpoint=number,
        stream=event.stream if event else None,
        version=event.version if event else None,
        position=event.position if event else None,
        kind=event.kind if event else None,
        detail=detail,
    )
