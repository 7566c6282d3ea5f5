"""One consistent view of the database for checks that read a lot: live traffic is no drift."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def read_only_snapshot(exported: str | None = None) -> Iterator[None]:
    """A REPEATABLE READ, READ ONLY transaction; it must be the outermost one.

    With the name of an exported snapshot it sees what the transaction sees that exported it, which must last still.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if exported is not None:
                cursor.execute("SET TRANSACTION SNAPSHOT %s", [exported])
        yield


def export_snapshot() -> str:
    """The name under which other processes can read what this transaction sees, as long as it lasts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        return str(cursor.fetchone()[0])
