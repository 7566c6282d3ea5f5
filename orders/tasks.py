from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from procrastinate.contrib.django import app

from core import bulk
from core.models import BulkRun
from core.staff.roles import ACT_ON_ORDER
from orders.mails.outbox import SEND_JOB
from orders.mails.sending import AT_ONCE, send_due_mails
from orders.services.canceling import cancel_order
from orders.services.expiring import cancel_stale_orders


@app.periodic(cron="*/10 * * * *")
@app.task(name="orders.cancel_stale_orders", queueing_lock="orders.cancel_stale_orders")
def cancel_stale(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Cancels orders that nobody pays."""
    cancel_stale_orders()


@app.periodic(cron="* * * * *")
@app.task(name="orders.send_due_mails", queueing_lock="orders.send_due_mails")
def send_due(timestamp: int) -> None:  # noqa: ARG001 as above
    """What could not be sent before, and whose address was heard meanwhile; safe to run twice at once."""
    send_due_mails()


@app.task(name=SEND_JOB)
def send_mails() -> None:
    """As above, once there is news: no queueing lock, a job that is being taken may not see its transaction yet."""
    if send_due_mails() == AT_ONCE:
        app.configure_task(SEND_JOB).defer()


def cancel_one(key: str, _run: BulkRun) -> None:
    """A canceled order stays so, which makes this safe to do twice."""
    cancel_order(order_id=int(key), reason="staff")


bulk.register(
    bulk.BulkAction(
        name="orders.cancel",
        permission=ACT_ON_ORDER,
        title=_("Cancel orders"),
        sentence=ngettext_lazy(
            "%(count)d order will be canceled for good, and what of it is open at Stripe is closed first.",
            "%(count)d orders will be canceled for good, and what of them is open at Stripe is closed first.",
            "count",
        ),
        perform=cancel_one,
    )
)
