"""Stripe's books and ours compared, against the simulator: what agrees, and each way to disagree."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone
from freezegun import freeze_time

from billing.accounts import account_named
from core.eventlog import provenance
from core.eventlog.append import read_stream
from finance.events import ExceptionFound, ExceptionSettled, ReconciliationRun
from finance.models import BalanceTransaction, BooksCursor, MatchedMonth, Reconciliation, ReconciliationException
from finance.selectors.reconciliation import open_exceptions
from finance.services.reconciling import compare_books
from finance.tests.bookkeeping import DAY, Till, kinds, order_of, reconcile
from orders.models import Refund
from tests.simulated import ACCOUNT_KEYS

pytestmark = pytest.mark.django_db(transaction=True)


class TestBooksThatAgree:
    def test_have_no_exceptions_and_their_sums_stand_by_month(self, till: Till) -> None:
        charges = [till.sell() for _ in range(3)]
        till.stripe.refund(charges[0], amount=500)
        till.stripe.dispute(charges[1])
        till.pass_days()
        assert kinds() == []
        sums = MatchedMonth.objects.values_list("movement").annotate(Sum("count"), Sum("amount"), Sum("fee"))
        fee = 84  # 2.9 % of 18.50 and 30 cents
        assert sorted(sums) == [
            ("dispute", 1, -1850, 1500),
            ("payment", 4, 4 * 1850, 4 * fee),
            ("refund", 1, -500, 0),
        ]
        root = Reconciliation.objects.get()
        assert (root.matched, root.exceptions) == (6, 0)

    def test_a_refund_that_failed_has_come_back_in_both(self, till: Till) -> None:
        charge = till.sell()
        refund = till.stripe.refund(charge, amount=500)
        till.stripe.move("refunds", refund, status="failed")
        till.pass_days()
        assert kinds() == []
        assert Refund.objects.get().status == "failed"

    def test_so_has_a_dispute_that_was_won(self, till: Till) -> None:
        dispute = till.stripe.dispute(till.sell())
        till.pass_days()
        assert kinds() == []
        till.stripe.move("disputes", dispute, status="won")
        till.pass_days()
        assert kinds() == []

    def test_a_run_with_nothing_new_records_itself_alone(self, till: Till) -> None:
        till.sell()
        reconcile()
        before = len(read_stream("reconciliation-default"))
        reconcile()
        [new] = read_stream("reconciliation-default")[before:]
        assert isinstance(new.fact, ReconciliationRun)


class TestThreeDistortions:
    def test_are_three_exceptions_and_repaired_they_are_none(self, till: Till) -> None:
        hidden, altered, *_ = [till.sell() for _ in range(4)]
        till.stripe.distort_books(hide=hidden)
        till.stripe.distort_books(source=altered, fee=100)
        foreign = till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)["id"]
        till.pass_days()

        line = till.line_of(altered)["id"]
        assert kinds() == [
            ("fee_differs", line),
            ("ours_without_theirs", hidden),
            ("theirs_without_ours", foreign),
        ]
        fee, ours, theirs = reconcile()
        assert (fee.our_amount, fee.their_amount, fee.order_id) == (84, 100, order_of(altered))
        assert (ours.our_amount, ours.their_amount, ours.order_id) == (1850, None, order_of(hidden))
        assert (theirs.our_amount, theirs.their_amount, theirs.order_id) == (None, 3000, None)

        till.stripe.distort_books(show=hidden)
        till.stripe.distort_books(source=altered, fee=84)
        till.stripe.distort_books(hide=foreign)
        assert kinds() == []
        assert ReconciliationException.objects.filter(settled_at=None).count() == 0
        facts = [recorded.fact for recorded in read_stream("reconciliation-default")]
        assert sum(isinstance(fact, ExceptionFound) for fact in facts) == 3
        assert sum(isinstance(fact, ExceptionSettled) for fact in facts) == 3

    def test_are_three_in_books_that_had_been_read_before_too(self, till: Till) -> None:
        hidden, altered, *_ = [till.sell() for _ in range(4)]
        till.pass_days()
        assert kinds() == []
        till.stripe.distort_books(hide=hidden)
        till.stripe.distort_books(source=altered, fee=100)
        foreign = till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)["id"]
        till.pass_days()
        assert kinds() == [
            ("fee_differs", till.line_of(altered)["id"]),
            ("ours_without_theirs", hidden),
            ("theirs_without_ours", foreign),
        ]

    @pytest.mark.parametrize("payouts", ["automatic", "manual"])
    def test_are_three_when_the_money_is_paid_out_too(self, till: Till, payouts: str) -> None:
        till.stripe.tell_account(payouts=payouts)
        hidden, altered, *_ = [till.sell() for _ in range(4)]
        till.pass_days()
        if payouts == "manual":
            till.stripe.pay_out()
        # Before anything was read.
        till.stripe.distort_books(hide=hidden)
        till.stripe.distort_books(source=altered, fee=100)
        foreign = till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)["id"]
        till.pass_days()
        assert kinds() == [
            ("fee_differs", till.line_of(altered)["id"]),
            ("ours_without_theirs", hidden),
            ("theirs_without_ours", foreign),
        ]


class TestWhatIsYoung:
    def test_is_no_exception_yet(self, till: Till) -> None:
        till.stripe.distort_books(hide=till.sell())
        till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)
        assert kinds() == []

    def test_what_happened_before_our_first_order_is_none_of_ours(self, till: Till) -> None:
        till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)
        till.stripe.advance(DAY)
        with freeze_time(timezone.now() + timedelta(seconds=DAY), tick=True):
            till.sell()
            assert kinds() == []
        assert MatchedMonth.objects.get(movement="other").amount == 3000

    def test_a_refund_that_failed_for_us_alone_is_an_exception_a_day_later(self, till: Till) -> None:
        refund = till.stripe.refund(till.sell(), amount=500)
        till.stripe.move("refunds", refund, status="failed")
        till.deliver()
        returned = till.stripe.objects("refund")[0]["failure_balance_transaction"]
        reconcile()
        BalanceTransaction.objects.filter(pk=returned).update(is_listed=False)
        account = account_named("default")
        with provenance.acting("system:test"):
            compare_books(account)
            assert not open_exceptions().exists()
            BooksCursor.objects.update(read_until=timezone.now() + timedelta(days=2))
            compare_books(account)
        found = open_exceptions().get()
        assert (found.kind, found.our_amount, found.their_amount) == ("amount_differs", 0, -500)
