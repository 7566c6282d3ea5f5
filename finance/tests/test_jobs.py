"""The daily job and the command: every account, whatever becomes of another."""

import json

import pytest
from django.core.management import CommandError, call_command
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.gateway.errors import StripeUnreachable
from finance.models import BooksCursor, Reconciliation
from finance.tasks import reconcile, reconcile_one
from finance.tests.bookkeeping import Till
from tests.simulated import ACCOUNT_KEYS

pytestmark = pytest.mark.django_db(transaction=True)


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, object]]]:
    capsys.readouterr()
    try:
        call_command("reconcile", *arguments)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


class TestTheDailyJob:
    def test_is_one_for_each_account(self, till: Till) -> None:
        reconcile(timestamp=0)
        jobs = ProcrastinateJob.objects.filter(task_name="finance.reconcile_account")
        assert sorted(job.args["account"] for job in jobs) == ["default", "euro"]

    def test_tells_where_stripe_did_not_answer_and_goes_on_another_time(self, till: Till) -> None:
        till.sell()
        till.stripe.order_fault("drop", "GET /v1/payouts")
        with pytest.raises(StripeUnreachable):
            reconcile_one("default")
        reconcile_one("euro")
        problems = dict(BooksCursor.objects.values_list("account", "problem"))
        assert problems == {"default": "stripe_unreachable", "euro": ""}
        assert [root.pk for root in Reconciliation.objects.all()] == ["euro"]
        reconcile_one("default")
        assert not BooksCursor.objects.exclude(problem="").exists()
        assert Reconciliation.objects.count() == 2


class TestTheCommand:
    def test_prints_accounts_and_exceptions(self, till: Till, capsys: pytest.CaptureFixture[str]) -> None:
        till.sell()
        code, told = command(capsys)
        assert (code, [(one["finding"], one["account"]) for one in told]) == (
            0,
            [("reconciled", "default"), ("reconciled", "euro")],
        )
        foreign = till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)["id"]
        till.pass_days()
        code, [account, exception] = command(capsys, "--account=default")
        assert (code, account["exceptions"], exception["kind"]) == (1, 1, "theirs_without_ours")
        assert (exception["object_id"], exception["their_amount"], exception["our_amount"]) == (foreign, 3000, None)

    def test_goes_on_where_one_account_does_not_answer(self, till: Till, capsys: pytest.CaptureFixture[str]) -> None:
        till.stripe.order_fault("drop", "GET /v1/payouts")
        code, told = command(capsys)
        assert (code, [one["finding"] for one in told]) == (1, ["unread", "reconciled"])

    def test_knows_the_accounts(self, till: Till) -> None:
        with pytest.raises(CommandError, match="default, euro"):
            call_command("reconcile", "--account=dollars")
