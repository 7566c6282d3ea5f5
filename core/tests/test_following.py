"""A projection is handed every settled event once, whoever follows with it and whatever fails in between."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Model

from core.chain import Head
from core.eventlog import following, provenance
from core.models import Event, Follower
from core.tasks import follow_log
from core.tests.streams import append
from orders.events import OrderPaid

pytestmark = pytest.mark.django_db(transaction=True)


def write(stream: str, count: int = 1) -> None:
    with provenance.acting("system:test"):
        append(stream, Head(), [OrderPaid(received=1)] * count, datetime.now(UTC))


class Copy:
    """Keeps the positions it was handed, in a table of the database so that they go with a transaction."""

    name = "test.copy"
    from_now_on = False
    tables: Mapping[type[Model], Sequence[str]] = {}

    def __init__(self) -> None:
        self.fails = False

    def project(self, events: list[Event]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO test_copy VALUES (%s)", [(event.position,) for event in events])
        if self.fails:
            raise RuntimeError

    def forget(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM test_copy")

    def contradictions(self) -> Iterator[following.Finding]:
        yield from ()

    @property
    def positions(self) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT position FROM test_copy ORDER BY 1")
            return [position for (position,) in cursor.fetchall()]


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Copy]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_copy (position bigint)")
    copied = Copy()
    monkeypatch.setattr(following, "projections", {copied.name: copied})
    monkeypatch.setattr(following, "BATCH", 3)
    yield copied
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_copy")


def log() -> list[int]:
    return list(Event.objects.order_by("position").values_list("position", flat=True))


def test_every_event_is_projected_once_in_batches(copy: Copy) -> None:
    write("order-1", count=4)
    assert following.follow(copy) == 4
    write("order-2", count=2)
    assert following.follow(copy) == 2
    assert following.follow(copy) == 0
    assert copy.positions == log()


def test_a_long_way_is_gone_in_as_many_batches_as_one_likes(copy: Copy) -> None:
    write("order-1", count=7)
    assert following.follow(copy, batches=2) == 6
    assert following.follow(copy, batches=2) == 1
    assert copy.positions == log()


def test_a_failing_batch_leaves_no_rows_and_is_projected_when_it_works_again(copy: Copy) -> None:
    write("order-1", count=5)
    copy.fails = True
    with pytest.raises(RuntimeError):
        following.follow(copy)
    assert copy.positions == []
    copy.fails = False
    follow_log(timestamp=0)
    assert copy.positions == log()


def test_eight_followers_at_once_project_each_event_once(copy: Copy) -> None:
    for stream in range(10):
        write(f"order-{stream}", count=5)

    def run(_: int) -> int:
        try:
            return following.follow(copy)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(8))) == 50
    assert copy.positions == log()


def test_a_rebuild_makes_the_same_rows_from_nothing(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    write("order-1", count=5)
    following.follow(copy)
    before = copy.positions
    call_command("projections", "--rebuild")
    assert copy.positions == before
    assert capsys.readouterr().out == '{"projection": "test.copy", "events": 5}\n'
    assert Follower.objects.get(pk="test.copy").cursor


def test_one_that_fails_keeps_no_other_waiting(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Copy()
    other.name, other.fails = "test.other", True
    monkeypatch.setattr(following, "projections", {"test.other": other, "test.copy": copy})
    write("order-1")
    with pytest.raises(ExceptionGroup):
        follow_log(timestamp=0)
    assert copy.positions == log()


class TestFromNowOn:
    @pytest.fixture(autouse=True)
    def _from_now_on(self, copy: Copy) -> None:
        copy.from_now_on = True

    def test_only_what_happens_after_it_was_first_made_is_projected(self, copy: Copy) -> None:
        write("order-1", count=5)
        following.follow(copy)
        assert copy.positions == []
        write("order-2", count=2)
        following.follow(copy)
        assert copy.positions == log()[5:]

    def test_the_first_event_of_an_empty_log_is_projected(self, copy: Copy) -> None:
        following.follow(copy)
        write("order-1")
        following.follow(copy)
        assert copy.positions == log()

    def test_a_rebuild_leaves_its_rows_and_projects_nothing_twice(self, copy: Copy) -> None:
        write("order-1")
        following.follow(copy)
        write("order-2", count=2)
        following.follow(copy)
        before = copy.positions
        write("order-3")
        assert following.rebuild(copy) == 1
        assert copy.positions == [*before, log()[-1]]

    def test_a_check_does_not_project_it(self, copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
        following.follow(copy)
        write("order-1")
        following.follow(copy)
        before = copy.positions
        call_command("projections", "--check")
        assert copy.positions == before
        assert capsys.readouterr().out == ""

    def test_what_another_cluster_wrote_is_not_projected(self, copy: Copy) -> None:
        write("order-1", count=3)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE core_event DISABLE TRIGGER USER")
            cursor.execute("UPDATE core_event SET cluster = cluster - 1")
            cursor.execute("ALTER TABLE core_event ENABLE TRIGGER USER")
        following.follow(copy)
        write("order-2")
        following.follow(copy)
        assert copy.positions == log()[3:]
