"""The hash chain of one stream: what is hashed, and how."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

GENESIS = bytes(32)
# No spaces, UTF-8, dictionaries by their sorted keys.
_canonical = msgspec.json.Encoder(order="deterministic")


class Head(NamedTuple):
    """The end of a stream: the version of its last event (0: none yet) and that event's digest (32 bytes)."""

    version: int = 0
    digest: bytes = GENESIS


class CanonicalEvent(msgspec.Struct):
    """What of an event is hashed: the names are sorted here, once for all."""

    actor: str
    cause: str
    correlation_id: str
    data: Any
    kind: str
    recorded_at: str
    schema: int
    stream: str
    version: int


def canonical_bytes(
    *,
    stream: str,
    version: int,
    kind: str,
    schema: int,
    data: dict[str, Any],
    actor: str,
    correlation_id: str,
    cause: str,
    recorded_at: datetime,
) -> bytes:
    """One event as bytes that any JSON reader can make again: sorted keys, no spaces, UTF-8, UTC with microseconds.

    `position`, the cluster and the transaction id are left out: the database gives them, and a restore may change them.
    """
    at = recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    return _canonical.encode(CanonicalEvent(actor, cause, correlation_id, data, kind, at, schema, stream, version))


def next_digest(previous: bytes, event: bytes) -> bytes:
    return sha256(previous + event).digest()
