"""Jobs whose worker was killed are queued again."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from django.db import connection
from procrastinate import JobContext
from procrastinate.contrib.django import app

from core.tasks import retry_stalled_jobs


@pytest.fixture(autouse=True)
def empty_queue(transactional_db: None) -> Iterator[None]:
    """Procrastinate's tables are not Django's: no flush empties them."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        cursor.execute("DELETE FROM procrastinate_workers")


async def retry() -> None:
    worker = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined] # Django's has it
    async with worker.open_async():
        await retry_stalled_jobs.func(cast("JobContext", SimpleNamespace(app=worker)), timestamp=0)


def job_of(worker_heard: str) -> int:
    """A job under way at a worker that was last heard of so long ago."""
    job_id = app.configure_task("core.checkpoint_log").defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id",
            [worker_heard],
        )
        [worker_id] = cursor.fetchone()
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s", [worker_id, job_id]
        )
    return job_id


@pytest.mark.parametrize(("worker_heard", "state"), [("5 minutes", "todo"), ("1 second", "doing")])
def test_a_job_is_queued_again_when_its_worker_is_dead(worker_heard: str, state: str) -> None:
    job_id = job_of(worker_heard)
    asyncio.run(retry())
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = %s", [job_id])
        assert cursor.fetchone() == (state,)


def test_a_job_of_which_another_is_queued_is_left_to_that_one_and_keeps_no_others_waiting() -> None:
    first, second = job_of("5 minutes"), job_of("5 minutes")
    app.configure_task("core.checkpoint_log", queueing_lock="core.checkpoint_log").defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET queueing_lock = 'core.checkpoint_log' WHERE id = %s", [first])
        cursor.execute("UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %s", [second])
    asyncio.run(retry())
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = ANY(%s) ORDER BY id", [[first, second]])
        assert cursor.fetchall() == [("failed",), ("todo",)]


@pytest.mark.parametrize(
    ("task", "seconds"),
    [
        ("billing.sweep_open_calls", 15),
        ("webhooks.retry_deliveries", 15),
        ("core.retry_stalled_jobs", 60),
        ("webhooks.backfill", 300),
        ("orders.cancel_stale_orders", 600),
        ("core.checkpoint_log", 3600),
        ("billing.check_mirrors", 3600),
    ],
)
def test_periodic_jobs_are_due_as_often_as_they_say(task: str, seconds: int) -> None:
    """croniter's sixth field is the seconds: written first, it means something else."""
    [periodic] = [one for one in app.periodic_registry.periodic_tasks.values() if one.task.name == task]
    due = periodic.croniter.get_next(start_time=0)
    assert periodic.croniter.get_next(start_time=due) - due == seconds
