"""`audit verify`: is the log still what was written?

Four witnesses: each event's digest covers its content and the event before it; versions count from 1 without a gap,
in the order of positions; each aggregate's row knows the version and digest that its stream must end with; and signed
checkpoints hold the digests of all streams, so that not even who rewrites a stream and its row goes unseen.
"""

from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby, islice, takewhile, zip_longest

from core.chain import Head, next_digest
from core.eventlog.aggregate import aggregates
from core.eventlog.append import event_bytes
from core.eventlog.checkpoints import BATCH, MARK, checkpoint_hash, events_behind, signature_fits, trusted_keys
from core.eventlog.merkle import MerkleTree
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.streams import UnclaimedStreamError, aggregate_of, roots_without_events
from core.eventlog.tail import Cursor, cursor_of
from core.models import Checkpoint, Event


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
        events = Event.objects.order_by("stream", "version").iterator(chunk_size=2000)
        for stream, in_stream in groupby(events, key=lambda event: event.stream):
            if finding := verify_stream(stream, list(in_stream)):
                yield finding
        for aggregate in aggregates.values():
            for root in roots_without_events(aggregate.root_model):
                yield removed(
                    root.stream, 1, f"the row stands at version {root.stream_version}, the log has no event of it"
                )
        yield from verify_checkpoints()


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
        return found("row_missing", last, "there is no row of it; if it was ours, `replay --rebuild` restores it")
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


def verify_checkpoints() -> Iterator[CheckpointFinding]:
    """The checkpoints themselves, then the events of every one that can be believed."""
    findings = list(verify_signatures())
    yield from reversed(findings)
    doubtful = {finding.checkpoint for finding in findings}
    for checkpoint in Checkpoint.objects.order_by("number").iterator(chunk_size=100):
        if checkpoint.number not in doubtful and (finding := verify_events(checkpoint)):
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
    tree, marks = MerkleTree(), bytearray()
    end: list[int] = checkpoint.after
    for event in signed_events(checkpoint):
        digest = bytes(event.digest)
        tree.append(digest)
        marks += digest[:MARK]
        end = list(cursor_of(event))
    if (tree.root(), end) == (bytes(checkpoint.root), checkpoint.to):
        return None
    return first_difference(checkpoint, array("I", bytes(checkpoint.marks)), array("I", bytes(marks)))


def signed_events(checkpoint: Checkpoint) -> Iterator[Event]:
    """The events that are in the checkpoint's range now, in their settled order."""
    to = Cursor(*checkpoint.to)
    # One more than there should be shows the end, and little is read beyond it.
    events = events_behind(checkpoint.after, min(BATCH, checkpoint.count + 1))
    return takewhile(lambda event: not is_behind(cursor_of(event), to), events)


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
    event = next(islice(signed_events(checkpoint), index, None), None)
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
