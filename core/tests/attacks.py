"""A signed log, and what somebody with the database's owner's rights, and this program's source, does to it."""

import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from core.chain import Head, next_digest
from core.configuration import AuditKey
from core.eventlog.append import event_bytes
from core.eventlog.checkpoints import make_checkpoint, statement_bytes
from core.eventlog.tail import read_settled
from core.models import Checkpoint, Event
from core.tests.streams import draft_order
from orders.models import Item, Order

OURS, THEIRS = AuditKey(seed=b"o" * 32), AuditKey(seed=b"t" * 32)


def public_key(key: AuditKey) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key.seed).public_key().public_bytes_raw()


def settle() -> None:
    """Wait for transactions of others in this server (its own autovacuum, say), which hold settling back."""
    deadline = time.monotonic() + 10
    while len(read_settled(None, 1000)) < Event.objects.count():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def signed_orders(item: Item) -> list[Order]:
    """Three checkpoints, each signed for two orders of three events."""
    orders = []
    for _ in range(3):
        orders += [draft_order(item, canceled=True).root for _ in range(2)]
        settle()
        make_checkpoint()
    return orders


def behind_the_back(statement: str, *parameters: Any) -> None:
    """As somebody with the owner's rights would: the triggers are off meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("core_event", "core_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        for table in ("core_event", "core_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def cover_up(order: Order) -> None:
    """Make the chain and the row's head fit what the stream says now, as somebody would who has read this program."""
    head = Head()
    for event in Event.objects.filter(stream=order.stream).order_by("version"):
        head = Head(event.version, next_digest(head.digest, event_bytes(event)))
        behind_the_back("UPDATE core_event SET digest = %s WHERE position = %s", head.digest, event.position)
    Order.objects.filter(pk=order.pk).update(stream_version=head.version, stream_digest=head.digest)


def change_an_amount(order: Order) -> None:
    behind_the_back(
        "UPDATE core_event SET data = jsonb_set(data, '{unit_amount}', '1') WHERE stream = %s AND version = 2",
        order.stream,
    )


def cut_the_tail(order: Order) -> None:
    behind_the_back("DELETE FROM core_event WHERE stream = %s AND version = 3", order.stream)
    cover_up(order)


def remove_it_all(order: Order) -> None:
    behind_the_back("DELETE FROM core_event WHERE stream = %s", order.stream)
    Order.objects.filter(pk=order.pk).delete()


def swap_places(one: Event, other: Event) -> None:
    """In the settled order, and that of positions."""
    for position, transaction_id, of in (
        (-1, 0, one.position),
        (one.position, one.transaction_id, other.position),
        (other.position, other.transaction_id, -1),
    ):
        behind_the_back(
            "UPDATE core_event SET position = %s, transaction_id = %s WHERE position = %s", position, transaction_id, of
        )


def forge(checkpoint: Checkpoint, **changes: Any) -> None:
    """Change a checkpoint and sign it again with a key of one's own."""
    for name, value in (changes | {"public_key": public_key(THEIRS)}).items():
        setattr(checkpoint, name, value)
    signature = Ed25519PrivateKey.from_private_bytes(THEIRS.seed).sign(statement_bytes(checkpoint))
    behind_the_back(
        "UPDATE core_checkpoint SET count = %s, root = %s, previous = %s, public_key = %s, signature = %s"
        " WHERE number = %s",
        checkpoint.count,
        checkpoint.root,
        checkpoint.previous,
        checkpoint.public_key,
        signature,
        checkpoint.number,
    )
