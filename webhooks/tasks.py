from procrastinate.contrib.django import app

from webhooks.backfill import backfill_all
from webhooks.services import give_up_waiting, retry_deliveries


# Every 15 seconds: the sixth field is that of the seconds.
@app.periodic(cron="* * * * * */15")
@app.task(name="webhooks.retry_deliveries", queueing_lock="webhooks.retry_deliveries")
def retry_undone_deliveries(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Safe to run twice at once: a delivery is handled under its row's lock, and once."""
    retry_deliveries()


@app.periodic(cron="*/5 * * * *")
@app.task(name="webhooks.backfill", queueing_lock="webhooks.backfill")
def backfill(timestamp: int) -> None:  # noqa: ARG001 as above
    """Safe to run twice at once: what both bring in is handled once."""
    backfill_all()


@app.periodic(cron="30 3 * * *")
@app.task(name="webhooks.give_up_waiting", queueing_lock="webhooks.give_up_waiting")
def stop_waiting(timestamp: int) -> None:  # noqa: ARG001 as above
    """Ends the wait for payments that are not ours."""
    give_up_waiting()
