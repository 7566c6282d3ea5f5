"""What core knows of its own: the queue of jobs, who follows the log and how closely, the last checkpoint."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client.core import GaugeMetricFamily, Metric

from core.eventlog.following import first_behind, place_of, projections
from core.eventlog.tail import Cursor
from core.exposition import gauge, gauges, reads, seconds_since
from core.models import Checkpoint, Follower

# Of so many jobs that could begin, the next to be taken, the one that has waited longest is looked for.
LOOKED_AT = 100


@reads("jobs")
def queue() -> Iterator[Metric]:
    """Both queries are answered by Procrastinate's partial indexes of jobs that are not over."""
    jobs = GaugeMetricFamily("countersign_jobs", "Jobs that are queued or under way.", labels=["queue", "status"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_name, status::text, count(*) FROM procrastinate_jobs"
            " WHERE status IN ('todo', 'doing') GROUP BY 1, 2"
        )
        for queue_name, status, count in cursor.fetchall():
            jobs.add_metric([queue_name, status], count)
        cursor.execute(
            # Since when it could have begun: when it was queued last, or the time that it was put off to.
            "SELECT extract(epoch FROM now() - min(greatest(job.scheduled_at,"
            " (SELECT max(at) FROM procrastinate_events WHERE job_id = job.id))))::float"
            " FROM (SELECT id, scheduled_at FROM procrastinate_jobs"
            " WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
            " ORDER BY priority DESC, id LIMIT %s) job",
            [LOOKED_AT],
        )
        [(waited,)] = cursor.fetchall()
    yield jobs
    yield gauge("job_age_seconds", "How long the oldest job has waited that could have begun.", max(0.0, waited or 0.0))


@reads("archive")
def write_ahead_log() -> Iterator[Metric]:
    """Where PostgreSQL archives none, none has failed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL)::int"
            " FROM pg_stat_archiver"
        )
        [(failing,)] = cursor.fetchall()
    yield gauge("wal_archive_failing", "1 if PostgreSQL's last try to archive its write-ahead log failed.", failing)


@reads("log")
def followers() -> Iterator[Metric]:
    """Of each projection: two look-ups in an index of the log."""
    places = {follower.pk: place_of(follower) for follower in Follower.objects.all()}
    yield gauges(
        "log_follower_lag_seconds",
        "How long ago the oldest event was recorded that a projection has not read.",
        "follower",
        {name: seconds_since(first_behind(places.get(name))) for name in projections},
    )
    last = Checkpoint.objects.order_by("-number").values("to", "made_at").first()
    if last:
        yield gauge(
            "checkpoint_age_seconds", "How long ago the last checkpoint was made.", seconds_since(last["made_at"])
        )
    yield gauge(
        "unsigned_event_age_seconds",
        "How long ago the oldest event was recorded that no checkpoint covers.",
        seconds_since(first_behind(Cursor(*last["to"]) if last else None)),
    )
