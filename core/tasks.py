from uuid import UUID

import structlog
from django.contrib.sessions.models import Session
from django.utils import timezone
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from core import bulk
from core.eventlog import following
from core.eventlog.checkpoints import NoSigningKeyError, make_checkpoint
from core.staff.lockout import forget_attempts

log = structlog.get_logger()

# Of one projection in one job: seconds. A new one reads the whole log, in many jobs, and leaves room for others.
BATCHES = 100


@app.periodic(cron="0 * * * *")
@app.task(name="core.checkpoint_log", queueing_lock="core.checkpoint_log")
def checkpoint_log(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Signs for the last hour's events; safe to run twice at once, since checkpoints are made one after another."""
    try:
        make_checkpoint()
    except NoSigningKeyError as refused:
        # The demo may run without a key; elsewhere the start-up insists on one.
        log.warning("audit.no_checkpoint", reason=str(refused))


# Every 15 seconds: the sixth field is that of the seconds.
@app.periodic(cron="* * * * * */15")
@app.task(name="core.follow_log", queueing_lock="core.follow_log")
def follow_log(timestamp: int) -> None:  # noqa: ARG001 as above
    """Brings the projections up to the log; safe to run twice at once, since each is locked while it follows.

    One that fails keeps no other waiting.
    """
    failures = []
    for projection in following.projections.values():
        try:
            following.follow(projection, batches=BATCHES)
        except Exception as failure:
            log.exception("projection.failed", projection=projection.name)
            failures.append(failure)
    if failures:
        raise ExceptionGroup("projections", failures)


@app.periodic(cron="30 * * * *")
@app.task(name="core.forget_sign_ins", queueing_lock="core.forget_sign_ins")
def forget_sign_ins(timestamp: int) -> None:  # noqa: ARG001 as above
    """Deletes names and addresses of failed sign-ins that lock nobody out any more, and sessions that have ended."""
    attempts = forget_attempts()
    sessions, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    log.info("staff.forgotten", attempts=attempts, sessions=sessions)


@app.periodic(cron="* * * * *")
@app.task(name="core.retry_stalled_jobs", queueing_lock="core.retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 as above
    """Queues again the jobs whose worker was killed: Procrastinate leaves them `doing`.

    Source: procrastinate.readthedocs.io, "Retry stalled jobs". All jobs here are safe to run again.
    """
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        log.warning("job.stalled", job_id=job.id, task=job.task_name)
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            # One like it is queued already, which will do the work of both.
            await manager.finish_job(job, Status.FAILED, delete_job=False)


@app.task(name=bulk.JOB, retry=RetryStrategy(max_attempts=10, wait=5))
def carry_out_bulk_run(run: str) -> None:
    """Safe to be killed and run again: what is done of the run is not done again."""
    bulk.carry_out(UUID(run))
