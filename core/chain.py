"""The hash chain of one stream: what is hashed, and how."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

GENESIS = bytes(32)
# Sorted keys, no spaces, UTF-8.
_canonical = msgspec.json.Encoder(order="sorted")


class Head(NamedTuple):
    """The end of a stream: the version of its last event (0: none yet) and that event's digest (32 bytes)."""

    version: int = 0
    digest: bytes = GENESIS


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
    event = {
        "actor": actor,
        "cause": cause,
        "correlation_id": correlation_id,
        "data": data,
        "kind": kind,
        "recorded_at": recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "schema": schema,
        "stream": stream,
        "version": version,
    }
    return _canonical.encode(event)


def next_digest(previous: bytes, event: bytes) -> bytes:
    return sha256(previous + event).digest()
