from functools import partial

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from billing.dashboard import learn_identity
from billing.drift import CHECK_JOB, check_account, request_checks, sync_again
from billing.mirroring import KINDS, SYNC_JOB, sync_mirror
from billing.services import sweep_open_calls
from core import bulk
from core.eventlog import provenance
from core.models import BulkRun
from core.refusals import NotFound
from core.staff.roles import ACT_ON_ORDER


class BackOff(BaseRetryStrategy):
    """Tried again until it is done, ever more seldom: how many seconds after so many attempts; the last pause lasts."""

    PAUSES = (2, 5, 15, 60, 300, 900)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002 every failure is tried again
        return RetryDecision(retry_in={"seconds": self.PAUSES[min(job.attempts, len(self.PAUSES) - 1)]})


# Every 15 seconds: the sixth field is that of the seconds.
@app.periodic(cron="* * * * * */15")
@app.task(name="billing.sweep_open_calls", queueing_lock="billing.sweep_open_calls")
def sweep_calls(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """Settles open calls; safe to run twice at once, since a call is settled once under its row's lock."""
    sweep_open_calls()


@app.task(name=SYNC_JOB, retry=BackOff())
def sync(stream: str) -> None:
    """Safe to run twice at once: what is to be done is decided under the mirror's lock, one call at a time."""
    with provenance.acting("system:sync"):
        sync_mirror(stream)


@app.periodic(cron="7 * * * *")
@app.task(name="billing.check_mirrors", queueing_lock="billing.check_mirrors")
def check_mirrors(timestamp: int) -> None:  # noqa: ARG001 as above
    """Asks for what no signal had told of, and for a check of every account."""
    with provenance.acting("system:check"):
        request_checks()


@app.task(name=CHECK_JOB)
def check(account: str) -> None:
    """Safe to run twice at once: a difference is recorded only while nothing else happened to its mirror."""
    with provenance.acting("system:check"):
        learn_identity(account)
        check_account(account)


def sync_one(kind: str, key: str, run: BulkRun) -> None:
    """Not again where it was asked for since the run began, by it or by somebody else."""
    mirror = KINDS[kind].mirrors.filter(pk=key).first()
    if mirror is None:
        raise NotFound
    if mirror.requested_at is None or mirror.requested_at < run.started_at:
        sync_again(mirror, version=mirror.stream_version)


for kind in KINDS:
    bulk.register(
        bulk.BulkAction(
            name=f"billing.sync_{kind}",
            permission=ACT_ON_ORDER,
            title=_("Sync again"),
            sentence=ngettext_lazy(
                "Stripe is asked again for %(count)d of them, at every account.",
                "Stripe is asked again for all %(count)d of them, at every account.",
                "count",
            ),
            perform=partial(sync_one, kind),
        )
    )
