"""Checkpoints: signed Merkle roots over the settled log, for what neither chains nor rows can testify to.

Leaves are the digests of events in the order of core/eventlog/tail.py; each checkpoint begins where the one before it
ended and carries that one's hash. What a signature is worth, and against whom: docs/decisions/0007-checkpoints.md.
"""

import json
from collections.abc import Iterator
from datetime import UTC
from hashlib import sha256
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from core.chain import GENESIS
from core.eventlog.merkle import MerkleTree
from core.eventlog.tail import Cursor, SettledDigest, cursor_of, read_settled_digests
from core.models import Checkpoint, Event

log = structlog.get_logger()

BATCH = 10_000  # events in memory at once
MARK = 4  # bytes of a digest that are kept to tell which event has changed


class NoSigningKeyError(Exception):
    """AUDIT_SIGNING_KEY is not set, so there is nothing to sign checkpoints with."""

    def __init__(self) -> None:
        super().__init__("AUDIT_SIGNING_KEY is not set; `openssl rand -base64 32` makes one")


class UntrustedCheckpointError(Exception):
    """The last checkpoint is not signed by a key that AUDIT_SIGNING_KEY names: a new one would vouch for a forgery."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(
            f"checkpoint {checkpoint.number} is not signed by a key that AUDIT_SIGNING_KEY names; if the key was "
            "replaced, append the old public key to it, else see `audit verify`"
        )


def make_checkpoint() -> Checkpoint | None:
    """Sign for the settled events since the last checkpoint; None when there are none, and the key is the same still.

    Raises NoSigningKeyError and UntrustedCheckpointError.
    """
    if settings.AUDIT_SIGNING_KEY is None:
        raise NoSigningKeyError
    private_key = Ed25519PrivateKey.from_private_bytes(settings.AUDIT_SIGNING_KEY.seed)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        # Of two runs at once the second waits here, and then finds nothing new. Not by LOCK TABLE, which asks for the
        # right to change the table's rows.
        cursor.execute("SELECT pg_advisory_xact_lock('core_checkpoint'::regclass::bigint)")
        last = Checkpoint.objects.order_by("number").last()
        if last and not (bytes(last.public_key) in trusted_keys() and signature_fits(last)):
            raise UntrustedCheckpointError(last)
        checkpoint = next_checkpoint(last, private_key.public_key().public_bytes_raw())
        # A new key signs even for no events: once it has, the old one is needed no more.
        if not checkpoint.count and (last is None or bytes(last.public_key) == checkpoint.public_key):
            return None
        checkpoint.signature = private_key.sign(statement_bytes(checkpoint))
        checkpoint.save(force_insert=True)
    # Behind the commit, so that no line tells of a checkpoint that isn't there. A crash in between loses the line, and
    # the next one carries this checkpoint's hash.
    log.info("audit.checkpoint_made", **described(checkpoint))
    return checkpoint


def next_checkpoint(last: Checkpoint | None, public_key: bytes) -> Checkpoint:
    """A checkpoint of everything settled behind `last`, not signed yet."""
    tree, marks = MerkleTree(), bytearray()
    after: list[int] = last.to if last else []
    to = after
    for events in events_behind(after):
        for event in events:
            tree.append(event.digest)
            marks += event.digest[:MARK]
        to = list(cursor_of(events[-1]))
    return Checkpoint(
        number=last.number + 1 if last else 1,
        previous=checkpoint_hash(last) if last else GENESIS,
        after=after,
        to=to,
        count=tree.count,
        root=tree.root(),
        marks=bytes(marks),
        made_at=timezone.now(),
        public_key=public_key,
    )


def events_behind(after: list[int], batch: int = BATCH) -> Iterator[list[SettledDigest]]:
    """All settled events behind a checkpoint's cursor, in their settled order, so many at once."""
    cursor = Cursor(*after) if after else None
    while events := read_settled_digests(cursor, batch):
        yield events
        cursor = cursor_of(events[-1])


def statement(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is signed, as JSON: every column but the signature; of the marks their hash, bytes in hexadecimal."""
    return {
        "after": checkpoint.after,
        "count": checkpoint.count,
        "made_at": checkpoint.made_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "marks": sha256(checkpoint.marks).hexdigest(),
        "number": checkpoint.number,
        "previous": bytes(checkpoint.previous).hex(),
        "public_key": bytes(checkpoint.public_key).hex(),
        "root": bytes(checkpoint.root).hex(),
        "to": checkpoint.to,
    }


def statement_bytes(checkpoint: Checkpoint) -> bytes:
    """Canonical as an event's bytes are: sorted keys, no spaces."""
    return json.dumps(statement(checkpoint), sort_keys=True, separators=(",", ":")).encode()


def checkpoint_hash(checkpoint: Checkpoint) -> bytes:
    return sha256(statement_bytes(checkpoint)).digest()


def described(checkpoint: Checkpoint) -> dict[str, Any]:
    """The statement with its hash and signature: enough to prove, elsewhere, what was signed."""
    hashed = {"hash": checkpoint_hash(checkpoint).hex(), "signature": bytes(checkpoint.signature).hex()}
    return statement(checkpoint) | hashed


def signature_fits(checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint says what its own key signed; that the key is ours is another question."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes(checkpoint.public_key))
        key.verify(bytes(checkpoint.signature), statement_bytes(checkpoint))
    except (InvalidSignature, ValueError):  # ValueError: not even the length of a key
        return False
    return True


def trusted_keys() -> frozenset[bytes]:
    """The public keys that AUDIT_SIGNING_KEY names: its own and those that it replaces."""
    key = settings.AUDIT_SIGNING_KEY
    if key is None:
        return frozenset()
    own = Ed25519PrivateKey.from_private_bytes(key.seed).public_key().public_bytes_raw()
    return frozenset({own, *key.replaced})


def coverage() -> str:
    """How far checkpoints reach, in words. That the last one is the last ever made only its log line can tell."""
    last = Checkpoint.objects.order_by("number").last()
    if last is None:
        return "no checkpoint signs for it"
    since = Event.objects.count() - Checkpoint.objects.aggregate(signed=Sum("count"))["signed"]
    return f"signed for up to checkpoint {last.number}, {checkpoint_hash(last).hex()}; {since} events since"
