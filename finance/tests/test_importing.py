"""Reading Stripe's books: page by page, each thing once, whatever is killed and whoever reads at the same time."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from freezegun import freeze_time

from billing.accounts import account_named
from billing.gateway import manager
from billing.gateway.balance_transactions import BalanceTransactions
from billing.gateway.errors import StripeUnreachable
from core.configuration import Account
from core.eventlog import provenance
from core.eventlog.append import read_stream
from core.eventlog.replay import check_rows, rebuild_rows
from core.models import Event
from finance.models import BalanceTransaction, BooksCursor, Payout, Reconciliation
from finance.services.importing import import_books
from finance.services.reconciling import compare_books, reconcile_account
from finance.tests.bookkeeping import Till, reconcile
from tests.simulated import ACCOUNT_KEYS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two things at once: what takes hundreds in life takes five here."""
    monkeypatch.setattr(manager, "PAGE", 2)


def fill(till: Till, count: int) -> list[str]:
    """Lines in Stripe's books, newest last."""
    made = [till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=1000 + one) for one in range(count)]
    return [one["balance_transaction"] for one in made]


def read_lines() -> list[str]:
    import_books(account_named("default"))
    assert list(check_rows()) == []
    return sorted(BalanceTransaction.objects.values_list("pk", flat=True))


def facts_of(line: str) -> list[str]:
    return [type(recorded.fact).__name__ for recorded in read_stream(f"balance-transaction-{line}")]


def listed(till: Till) -> int:
    return len(till.stripe.requests_of("GET", "/v1/balance_transactions"))


@pytest.mark.usefixtures("small_pages")
class TestReading:
    def test_takes_every_page_and_each_line_once(self, till: Till) -> None:
        lines = fill(till, 5)
        assert read_lines() == sorted(lines)
        assert read_lines() == sorted(lines)
        assert Event.objects.filter(stream__startswith="balance-transaction-").count() == 5

    def test_goes_on_behind_the_last_page_that_was_stored(self, till: Till) -> None:
        lines = fill(till, 5)
        till.stripe.order_fault("drop", "GET /v1/balance_transactions", times=0)
        with pytest.raises(StripeUnreachable):
            import_books(account_named("default"))
        assert not BalanceTransaction.objects.exists()
        till.stripe.forget_faults()

        account, stop = account_named("default"), _Killed(after_pages=1)
        with pytest.raises(_KilledError), stop:
            import_books(account)
        cursor = BooksCursor.objects.get()
        assert (BalanceTransaction.objects.count(), cursor.read_until, cursor.reading_after) == (2, None, lines[3])

        newer, before = fill(till, 1), listed(till)
        assert read_lines() == sorted([*lines, *newer])
        # Two pages were left, then what is newer is read in pages that overlap.
        assert listed(till) - before == 2 + 3
        assert [facts_of(line) for line in lines] == [["BalanceTransactionRecorded"]] * 5

    def test_is_done_once_by_two_at_once(self, till: Till) -> None:
        till.stripe.tell_account(payouts="automatic")
        lines = fill(till, 9)
        till.stripe.advance(2 * 24 * 60 * 60)
        account, problems = account_named("default"), []

        def run() -> None:
            try:
                reconcile_account(account)
            except Exception as problem:  # noqa: BLE001 told below
                problems.append(problem)
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert list(check_rows()) == []
        assert {tuple(facts_of(line)) for line in lines} == {
            ("BalanceTransactionRecorded", "BalanceTransactionPaidOut")
        }
        assert Payout.objects.get().item_count == 9
        runs = Event.objects.filter(kind="reconciliation.run").count()
        assert (runs, Reconciliation.objects.get().exceptions) == (3, 0)


class _KilledError(BaseException):
    """Nothing handles it, like a SIGKILL."""


class _Killed:
    """Ends the process's work once so many pages are stored, before the next one is."""

    def __init__(self, *, after_pages: int) -> None:
        self._left = after_pages

    def __enter__(self) -> None:
        self._wrapper = connection.execute_wrapper(self._watch)
        self._wrapper.__enter__()

    def __exit__(self, *exception: object) -> None:
        self._wrapper.__exit__(None, None, None)

    def _watch(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if self._left == 0 and 'FROM "finance_balancetransaction"' in sql and sql.endswith("FOR UPDATE"):
            raise _KilledError
        if 'SET "reading_after"' in sql:
            self._left -= 1
        return execute(sql, params, many, context)


class TestWhatStripeChangesLater:
    def test_is_seen_in_the_overlap_and_recorded_once(self, till: Till) -> None:
        charge = till.sell()
        line = till.line_of(charge)["id"]
        assert read_lines() == [line]
        till.stripe.distort_books(source=charge, fee=100)
        read_lines()
        read_lines()
        assert facts_of(line) == ["BalanceTransactionRecorded", "BalanceTransactionChanged"]
        row = BalanceTransaction.objects.get()
        assert (row.fee, row.first_fee, row.itemized_fee, row.net) == (100, 84, 84, 1750)

    def test_what_is_taken_back_counts_no_more_until_it_is_there_again(self, till: Till) -> None:
        charge = till.sell()
        line = till.line_of(charge)["id"]
        read_lines()
        till.stripe.distort_books(hide=charge)
        read_lines()
        read_lines()
        assert not BalanceTransaction.objects.get().is_listed
        till.stripe.distort_books(show=charge)
        read_lines()
        assert facts_of(line)[1:] == ["BalanceTransactionVanished", "BalanceTransactionReappeared"]

    def test_of_long_ago_is_not_read_again(self, till: Till) -> None:
        charge = till.sell()
        read_lines()
        with freeze_time(timezone.now() + timedelta(days=8), tick=True):
            import_books(account_named("default"))
        till.stripe.distort_books(source=charge, fee=100)
        with freeze_time(timezone.now() + timedelta(days=8), tick=True):
            import_books(account_named("default"))
        assert BalanceTransaction.objects.get().fee == 84

    def test_one_line_is_read_by_its_id(self, till: Till) -> None:
        line = till.line_of(till.sell())
        with provenance.acting("system:test"):
            found = BalanceTransactions(account_named("default")).find_by_id(line["id"], subject="")
        assert found is not None
        assert found["net"] == 1766

    def test_a_payout_on_its_way_is_looked_at_however_old_it_is(self, till: Till) -> None:
        till.sell()
        till.pass_days()
        till.stripe.pay_out()
        read_lines()
        with freeze_time(timezone.now() + timedelta(days=40), tick=True):
            import_books(account_named("default"))
        till.stripe.advance(2 * 24 * 60 * 60)
        with freeze_time(timezone.now() + timedelta(days=40), tick=True):
            import_books(account_named("default"))
        assert Payout.objects.get().status == "paid"

    def test_a_payout_that_fails_after_it_was_paid(self, till: Till) -> None:
        till.sell()
        till.pass_days()
        payout = till.stripe.pay_out()
        till.pass_days()
        read_lines()
        assert Payout.objects.get().status == "paid"
        till.stripe.move("payouts", payout, status="failed")
        read_lines()
        assert Payout.objects.get().status == "failed"


def compare(account: Account) -> None:
    with provenance.acting("system:test"):
        compare_books(account)
    connection.close()


class TestTheRows:
    def test_are_made_again_from_the_log(self, till: Till) -> None:
        till.stripe.tell_account(payouts="automatic")
        hidden, *_ = [till.sell() for _ in range(3)]
        till.pass_days()
        till.stripe.distort_books(hide=hidden)
        [found] = reconcile()
        rebuild_rows()
        assert list(check_rows()) == []
        found.refresh_from_db()
        BalanceTransaction.objects.update(fee=1)
        assert {drift.as_json()["table"] for drift in check_rows()} == {"finance_balancetransaction"}

    def test_a_comparison_that_another_one_overtakes_begins_again(self, till: Till) -> None:
        till.sell()
        reconcile()
        account = account_named("default")
        threads = [threading.Thread(target=compare, args=(account,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Event.objects.filter(kind="reconciliation.run").count() == 4
        assert list(check_rows()) == []
