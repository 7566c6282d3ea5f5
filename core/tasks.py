import structlog
from procrastinate.contrib.django import app

from core.eventlog.checkpoints import NoSigningKeyError, make_checkpoint

log = structlog.get_logger()


@app.periodic(cron="0 * * * *")
@app.task(name="core.checkpoint_log", queueing_lock="core.checkpoint_log")
def checkpoint_log(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Signs for the last hour's events; safe to run twice at once, since checkpoints are made one after another."""
    try:
        make_checkpoint()
    except NoSigningKeyError as refused:
        # The demo may run without a key; elsewhere the start-up insists on one.
        log.warning("audit.no_checkpoint", reason=str(refused))
