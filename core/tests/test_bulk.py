"""One action on many rows: ordered once, carried out row by row, whatever is killed in between."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from core import bulk
from core.eventlog import provenance
from core.models import BulkRun
from core.refusals import NotFound

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """What ends a worker in the middle of a row."""


@pytest.fixture
def done() -> Iterator[list[str]]:
    """What `test.act` was done to, by whom; keys that are words are refused, `broken` and `kill` end otherwise."""
    acted: list[str] = []

    def act(key: str, _run: BulkRun) -> None:
        if key == "kill":
            raise Killed
        if not key.isdecimal():
            raise NotFound if key != "broken" else ZeroDivisionError
        acted.append(f"{key} by {provenance.current().actor}")

    bulk.register(
        bulk.BulkAction(name="test.act", permission="core.act", title="Act", sentence="Acts on %(count)d.", perform=act)
    )
    yield acted
    del bulk.actions["test.act"]


@pytest.fixture(autouse=True)
def olga() -> User:
    """May do everything, so `core.act` too, which is no permission of any model."""
    return User.objects.create(pk=7, username="olga", is_staff=True, is_superuser=True)


def order_run(*keys: str, run_id: UUID | None = None) -> UUID:
    run_id = run_id or uuid4()
    with provenance.acting("staff:7"):
        bulk.start_run(run_id=run_id, action="test.act", keys=keys)
    return run_id


def states(run_id: UUID) -> list[tuple[str, str, str]]:
    return list(BulkRun.objects.get(pk=run_id).items.order_by("pk").values_list("key", "state", "reason"))


class TestARun:
    def test_does_each_row_in_the_name_of_who_ordered_it(self, done: list[str]) -> None:
        run_id = order_run("1", "2", "1")
        bulk.carry_out(run_id)
        assert done == ["1 by staff:7", "2 by staff:7"]
        assert states(run_id) == [("1", "done", ""), ("2", "done", "")]
        assert BulkRun.objects.get().finished_at

    def test_goes_on_behind_what_is_refused_or_broken(self, done: list[str]) -> None:
        run_id = order_run("none", "broken", "3")
        bulk.carry_out(run_id)
        assert states(run_id) == [
            ("none", "refused", "There is nothing here that you can see."),
            ("broken", "refused", "ZeroDivisionError"),
            ("3", "done", ""),
        ]

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_superuser": False}])
    def test_ends_with_the_rights_of_who_ordered_it(self, done: list[str], olga: User, change: dict[str, bool]) -> None:
        run_id = order_run("1")
        User.objects.filter(pk=olga.pk).update(**change)
        bulk.carry_out(run_id)
        assert states(run_id) == [("1", "refused", "who ordered it may not do that any more")]
        assert done == []

    def test_that_is_ordered_twice_is_one_run_and_one_job(self, done: list[str]) -> None:
        before = ProcrastinateJob.objects.filter(task_name=bulk.JOB).count()
        run_id = order_run("1")
        order_run("1", "2", run_id=run_id)
        assert [key for key, _, _ in states(run_id)] == ["1"]
        assert ProcrastinateJob.objects.filter(task_name=bulk.JOB).count() == before + 1

    def test_that_was_killed_goes_on_where_it_was(self, done: list[str]) -> None:
        run_id = order_run("1", "kill", "3")
        with pytest.raises(Killed):
            bulk.carry_out(run_id)
        assert (done, BulkRun.objects.get().finished_at) == (["1 by staff:7"], None)
        BulkRun.objects.get().items.filter(key="kill").update(key="2")
        bulk.carry_out(run_id)
        bulk.carry_out(run_id)
        assert done == ["1 by staff:7", "2 by staff:7", "3 by staff:7"]


class TestItsPage:
    def test_shows_how_far_it_is_and_follows_it(self, admin_client: Client, done: list[str]) -> None:
        run_id = order_run("1", "none")
        page = admin_client.get(f"/admin/core/bulkrun/{run_id}/change/").content.decode()
        assert "Of 2: 0 done, 0 refused, 2 left." in page
        assert 'hx-trigger="every 1s"' in page
        bulk.carry_out(run_id)
        page = admin_client.get(f"/admin/core/bulkrun/{run_id}/change/").content.decode()
        assert "Of 2: 1 done, 1 refused, 0 left." in page
        assert "There is nothing here that you can see." in page
        assert "every 1s" not in page
        assert admin_client.get("/admin/core/bulkrun/").status_code == 200
