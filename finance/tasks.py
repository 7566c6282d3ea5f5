from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from billing.accounts import account_named, configured_accounts
from billing.gateway.errors import StripeUnreachable
from finance.services.reconciling import ACCOUNT_JOB, queue_reconciliations, reconcile_account


@app.periodic(cron="15 4 * * *")
@app.task(name="finance.reconcile", queueing_lock="finance.reconcile")
def reconcile(timestamp: int) -> None:  # noqa: ARG001 procrastinate passes when the job was due
    """A job for each account, so that none waits for another."""
    queue_reconciliations(configured_accounts().values())


@app.task(name=ACCOUNT_JOB, retry=RetryStrategy(max_attempts=5, wait=300, retry_exceptions={StripeUnreachable}))
def reconcile_one(account: str) -> None:
    """Safe to run twice at once. Where Stripe does not answer it is tried again, and goes on from where it was."""
    reconcile_account(account_named(account))
