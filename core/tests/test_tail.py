"""A tail of the log misses nothing, whatever order transactions commit in and whichever cluster they ran on."""

import re
import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.chain import Head
from core.eventlog import provenance
from core.eventlog.tail import Cursor, cursor_of, read_settled
from core.models import Event
from core.tests.streams import append
from orders.events import OrderPaid

pytestmark = pytest.mark.django_db(transaction=True)


def write(stream: str) -> None:
    with provenance.acting("system:test"):
        append(stream, Head(), [OrderPaid(received=1)], timezone.now())


def streams(after: Cursor | None = None, limit: int = 100) -> list[str]:
    return [event.stream for event in read_settled(after, limit)]


class SlowTransaction:
    """Another connection that has appended and not committed yet."""

    def __init__(self, stream: str) -> None:
        self._written, self._may_commit = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(stream,))
        self._thread.start()
        assert self._written.wait(10)

    def _run(self, stream: str) -> None:
        try:
            with transaction.atomic():
                write(stream)
                self._written.set()
                assert self._may_commit.wait(10)
        finally:
            connection.close()

    def commit(self) -> None:
        self._may_commit.set()
        self._thread.join(10)


def test_does_not_pass_over_an_event_whose_transaction_commits_late() -> None:
    write("order-1")
    slow = SlowTransaction("order-2")
    write("order-3")
    seen = read_settled(None, 100)
    assert [event.stream for event in seen] == ["order-1"]
    slow.commit()
    assert streams(cursor_of(seen[-1])) == ["order-2", "order-3"]


def test_reads_on_from_where_it_stopped() -> None:
    for number in range(5):
        write(f"order-{number}")
    first = read_settled(None, 2)
    rest = streams(cursor_of(first[-1]))
    assert [event.stream for event in first] + rest == [f"order-{number}" for number in range(5)]
    assert streams(cursor_of(read_settled(None, 100)[-1])) == []


def test_counts_what_another_cluster_wrote_as_settled_and_first() -> None:
    """As after a restore: the old cluster's transaction ids are far ahead of this one's."""
    for number in range(3):
        write(f"order-{number}")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE core_event SET cluster = 1, transaction_id = 2 ^ 40 + position")
        cursor.execute("ALTER TABLE core_event ENABLE TRIGGER USER")
    write("order-3")
    assert streams() == ["order-0", "order-1", "order-2", "order-3"]
    second = Event.objects.get(stream="order-1")
    assert streams(cursor_of(second)) == ["order-2", "order-3"]
    assert streams(cursor_of(second), limit=1) == ["order-2"]


def test_reads_on_after_a_fail_back_to_the_first_cluster() -> None:
    for number in range(4):
        write(f"order-{number}")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE core_event SET cluster = 1, transaction_id = 5 WHERE stream IN ('order-1', 'order-2')")
        cursor.execute("ALTER TABLE core_event ENABLE TRIGGER USER")
    assert streams() == ["order-0", "order-1", "order-2", "order-3"]
    first = Event.objects.get(stream="order-0")
    assert streams(cursor_of(first)) == ["order-1", "order-2", "order-3"]
    assert streams(cursor_of(Event.objects.get(stream="order-2"))) == ["order-3"]
    assert streams(cursor_of(Event.objects.get(stream="order-3"))) == []


def test_enters_the_index_where_it_stopped() -> None:
    """Else each reading would pass over all that was read before."""
    for number in range(3):
        write(f"order-{number}")
    after = cursor_of(read_settled(None, 1)[-1])
    with CaptureQueriesContext(connection) as captured:
        read_settled(after, 1)
    [reading] = [query["sql"] for query in captured if "pg_snapshot_xmin" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN {reading}")
        plan = " ".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
    assert re.search(r"Index Cond: .*transaction_id >= .*Filter: ", plan), plan
