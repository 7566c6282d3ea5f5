from uuid import uuid5

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from procrastinate.contrib.django import app

from core import bulk
from core.models import BulkRun
from core.staff.roles import ACT_ON_ORDER
from webhooks.asking import ask_for_handling
from webhooks.backfill import backfill_all
from webhooks.instruments import RETRIED
from webhooks.purging import purge_payloads
from webhooks.services import give_up_waiting, retry_deliveries


# Every 15 seconds: the sixth field is that of the seconds.
@app.periodic(cron="* * * * * */15")
@app.task(name="webhooks.retry_deliveries", queueing_lock="webhooks.retry_deliveries")
def retry_undone_deliveries(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Safe to run twice at once: a delivery is handled under its row's lock, and once."""
    RETRIED.inc(retry_deliveries())


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


@app.periodic(cron="45 3 * * *")
@app.task(name="webhooks.purge_payloads", queueing_lock="webhooks.purge_payloads")
def empty_old_payloads(timestamp: int) -> None:  # noqa: ARG001 as above
    """Safe to run twice at once: each leaves the rows that the other has locked."""
    purge_payloads()


def handle_one(key: str, run: BulkRun) -> None:
    """Once for each run: the request's id follows from both."""
    ask_for_handling(delivery_id=int(key), request_id=uuid5(run.pk, key))


bulk.register(
    bulk.BulkAction(
        name="webhooks.handle_again",
        permission=ACT_ON_ORDER,
        title=_("Handle again"),
        sentence=ngettext_lazy(
            "%(count)d delivery will be handled again; one that is done already stays as it is.",
            "%(count)d deliveries will be handled again; those that are done already stay as they are.",
            "count",
        ),
        perform=handle_one,
    )
)
