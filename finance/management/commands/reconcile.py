"""`manage.py reconcile [--account NAME]`."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError

from billing.accounts import configured_accounts
from billing.gateway.errors import StripeRefused, StripeUnreachable
from core.configuration import Account
from finance.models import Reconciliation, ReconciliationException
from finance.selectors.reconciliation import open_exceptions
from finance.services.reconciling import reconcile_account

USAGE = 2
SHOWN = (
    "kind", "object_id", "movement", "our_amount", "our_currency", "their_amount", "their_currency", "order_id",
    "month", "payout",
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Read Stripe's books and compare them with our orders. Prints one JSON object for each account and for each "
        "exception that is open: exit 0 when there is none, 1 when there is one or Stripe did not answer, 2 for wrong "
        "usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="of this account of STRIPE_ACCOUNTS alone")

    def handle(self, *, account: str | None, **options: object) -> None:
        accounts = configured_accounts()
        if account is not None and account not in accounts:
            raise CommandError(f"--account {account}: known are {', '.join(accounts)}", returncode=USAGE)
        failures = 0
        for one in [accounts[account]] if account else accounts.values():
            for told in reconciled(one):
                self.stdout.write(json.dumps(told))
                failures += told["finding"] != "reconciled"
        if failures:
            raise SystemExit(1)


def reconciled(account: Account) -> Iterator[dict[str, object]]:
    try:
        reconcile_account(account)
    except (StripeRefused, StripeUnreachable) as refused:
        reason = str(refused.ids.get("reason", refused.code))
        yield {"finding": "unread", "account": account.name, "reason": reason}
        return
    root = Reconciliation.objects.get(pk=account.name)
    counts = {"matched": root.matched, "exceptions": root.exceptions}
    until = root.until and root.until.isoformat()
    yield {"finding": "reconciled", "account": account.name, "livemode": root.livemode, "until": until, **counts}
    for exception in open_exceptions().filter(reconciliation=root):
        yield {"finding": "exception", "account": account.name, **as_json(exception)}


def as_json(exception: ReconciliationException) -> dict[str, object]:
    return {name: getattr(exception, name) for name in SHOWN}
