"""Payouts against Stripe's books: automatic ones by their list, manual ones by the balance."""

import pytest

from billing.accounts import account_named
from core.eventlog import provenance
from finance.models import BalanceTransaction, MatchedPayout, Payout
from finance.selectors.reconciliation import open_exceptions
from finance.services.importing import store, store_transactions
from finance.services.reconciling import compare_books
from finance.tests.bookkeeping import Till, kinds, reconcile
from tests.simulated import ACCOUNT_KEYS

pytestmark = pytest.mark.django_db(transaction=True)

NET = 1850 - 84


class TestAutomaticPayouts:
    def test_agree_with_what_they_took_along(self, till: Till) -> None:
        till.stripe.tell_account(payouts="automatic")
        charges = [till.sell() for _ in range(3)]
        till.stripe.refund(charges[0], amount=500)
        till.pass_days()
        assert kinds() == []
        payout = Payout.objects.get()
        assert (payout.is_automatic, payout.amount, payout.item_count) == (True, 3 * NET - 500, 4)
        assert payout.item_net == payout.amount
        lines = BalanceTransaction.objects.filter(payout=payout.pk)
        assert lines.count() == 5  # its own among them
        assert MatchedPayout.objects.get().items == payout.amount

    def test_differ_when_something_is_missing_that_we_know_nothing_of(self, till: Till) -> None:
        till.stripe.tell_account(payouts="automatic")
        foreign = till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=3000)["id"]
        till.sell()
        till.pass_days()
        till.stripe.distort_books(hide=foreign)
        [found] = reconcile()
        assert (found.kind, found.object_id) == ("payout_differs", Payout.objects.get().pk)
        assert (found.our_amount, found.their_amount) == (NET + 3000 - 117, NET)

    @pytest.mark.parametrize("what", ["charge", "refund"])
    def test_what_is_missing_in_its_payout_is_one_exception(self, till: Till, what: str) -> None:
        till.stripe.tell_account(payouts="automatic")
        charge = till.sell()
        till.sell()
        hidden = till.stripe.refund(charge, amount=500) if what == "refund" else charge
        till.pass_days()
        till.stripe.distort_books(hide=hidden)
        [found] = reconcile()
        assert (found.kind, found.object_id) == ("ours_without_theirs", hidden)
        assert found.payout == Payout.objects.get().pk

    def test_what_is_missing_beside_a_changed_fee_are_two(self, till: Till) -> None:
        till.stripe.tell_account(payouts="automatic")
        hidden, altered, *_ = [till.sell() for _ in range(3)]
        till.pass_days()
        till.stripe.distort_books(hide=hidden)
        till.stripe.distort_books(source=altered, fee=300)
        assert kinds() == [("fee_differs", till.line_of(altered)["id"]), ("ours_without_theirs", hidden)]

    def test_a_fee_that_changes_after_the_payout_is_one_exception(self, till: Till) -> None:
        till.stripe.tell_account(payouts="automatic")
        charge = till.sell()
        till.pass_days()
        assert kinds() == []
        till.stripe.distort_books(source=charge, fee=100)
        assert kinds() == [("fee_differs", till.line_of(charge)["id"])]


class TestManualPayouts:
    def test_show_the_balance_before_and_after(self, till: Till) -> None:
        till.sell()
        till.sell()
        till.pass_days()
        first = till.stripe.pay_out(amount=3000)
        till.pass_days()
        second = till.stripe.pay_out()
        assert kinds() == []
        rows = {row.pk: (row.before, row.came, row.amount, row.after, row.items) for row in MatchedPayout.objects.all()}
        left = 2 * NET - 3000
        assert rows == {
            first: (0, 2 * NET, 3000, left, None),
            second: (left, NET, left + NET, 0, None),
        }

    def test_one_that_failed_is_back_in_the_balance(self, till: Till) -> None:
        till.sell()
        till.pass_days()
        failed = till.stripe.pay_out()
        assert kinds() == []
        till.stripe.advance(60)
        till.stripe.move("payouts", failed, status="failed")
        again = till.stripe.pay_out()
        assert kinds() == []
        assert Payout.objects.get(pk=failed).status == "failed"
        row = MatchedPayout.objects.get(pk=again)
        assert (row.before, row.came, row.after) == (0, NET, 0)

    def test_one_that_the_balance_does_not_cover_is_an_exception_and_the_next_is_none(self, till: Till) -> None:
        foreign = till.stripe.distort_books(foreign=ACCOUNT_KEYS["default"], amount=5000)["id"]
        till.pass_days()
        too_large = till.stripe.pay_out()
        till.pass_days()
        till.stripe.pay_out(amount=NET)
        # It was never read and we know nothing of it: only the balance can tell.
        till.stripe.distort_books(hide=foreign)
        [found] = reconcile()
        assert (found.kind, found.object_id) == ("payout_differs", too_large)
        assert (found.our_amount, found.their_amount) == (5000 - 175, 0)
        till.stripe.distort_books(show=foreign)
        assert kinds() == [("theirs_without_ours", foreign)]

    def test_one_whose_own_line_is_missing_is_an_exception(self, till: Till) -> None:
        till.sell()
        till.pass_days()
        payout = till.stripe.pay_out()
        till.stripe.distort_books(hide=payout)
        till.pass_days()
        [found] = reconcile()
        assert (found.kind, found.object_id, found.their_amount) == ("payout_differs", payout, None)


class TestAnotherSettlementCurrency:
    def test_agrees_through_the_rate(self, till: Till) -> None:
        till.stripe.tell_account(settlement_currency="eur")
        charge = till.sell()
        till.stripe.refund(charge, amount=333)
        till.stripe.move("disputes", till.stripe.dispute(till.sell()), status="won")
        till.pass_days()
        assert kinds() == []
        lines = BalanceTransaction.objects.filter(category="charge")
        assert {(line.currency, line.exchange_rate) for line in lines} == {("eur", "0.922765")}

    def test_which_has_to_be_theirs_within_a_minor_unit(self, till: Till) -> None:
        till.stripe.tell_account(settlement_currency="jpy")
        charge = till.sell()
        till.pass_days()
        assert kinds() == []
        account, line = account_named("default"), till.line_of(charge)
        for by, found in ((1, []), (2, [("amount_differs", charge)]), (0, [])):
            altered = line | {"amount": line["amount"] + by, "net": line["net"] + by}
            with provenance.acting("system:test"):
                store(lambda altered=altered: store_transactions(account, [altered], None))  # type: ignore[misc]
                compare_books(account)
            assert list(open_exceptions().values_list("kind", "object_id")) == found
