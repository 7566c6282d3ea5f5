"""Balance transactions over time, payouts, settlement in another currency, and books that a test has distorted."""

from typing import Any

import pytest
import requests
import stripe

from simulator.tests.running import Shop

DAY = 24 * 60 * 60


def books(shop: Shop, **query: Any) -> list[stripe.BalanceTransaction]:
    return shop.stripe.v1.balance_transactions.list({"limit": 100, **query}).data  # type: ignore[arg-type]


def pay_out(shop: Shop, **order: Any) -> Any:
    return shop.simulator.control("POST", "payouts", key=shop.key, **order)


def advance(shop: Shop, days: int) -> None:
    shop.simulator.control("POST", "advance", seconds=days * DAY)


def tell(shop: Shop, **settings: str) -> None:
    shop.simulator.control("POST", "accounts", key=shop.key, **settings)


def refused(shop: Shop, path: str, **order: Any) -> bool:
    response = requests.post(f"{shop.simulator.url}/_sim/{path}", json=order, timeout=5)
    return response.status_code == 400 and bool(response.json()["error"])


class TestAvailability:
    def test_a_charge_is_pending_for_two_days_and_a_refund_counts_at_once(self, shop: Shop) -> None:
        charge = shop.buy()
        shop.stripe.v1.refunds.create({"charge": charge.id, "amount": 500})
        assert [(entry.type, entry.status) for entry in books(shop)] == [("refund", "available"), ("charge", "pending")]
        advance(shop, 2)
        assert {entry.status for entry in books(shop)} == {"available"}


class TestSettlementInAnotherCurrency:
    def test_amount_and_fee_are_in_it_with_the_rate(self, shop: Shop) -> None:
        tell(shop, settlement_currency="usd")
        charge = shop.buy(2000, "eur")
        shop.stripe.v1.refunds.create({"charge": charge.id, "amount": 1000})
        refund, taken = books(shop)
        # 20.00 euro at 1.0837; 2.9 % of that and 30 cents.
        assert (taken.amount, taken.currency, taken.exchange_rate) == (2167, "usd", 1.0837)
        assert (taken.fee, taken.net, taken.fee_details[0].currency) == (93, 2074, "usd")
        assert (refund.amount, refund.currency, refund.exchange_rate) == (-1084, "usd", 1.0837)

    def test_currencies_without_decimals_are_minor_units_too(self, shop: Shop) -> None:
        tell(shop, settlement_currency="usd")
        shop.buy(1500, "jpy")
        [entry] = books(shop)
        assert (entry.amount, entry.currency, entry.exchange_rate) == (986, "usd", 0.006571)


class TestManualPayouts:
    def test_takes_what_is_available(self, shop: Shop) -> None:
        shop.buy()
        assert refused(shop, "payouts", key=shop.key)
        advance(shop, 2)
        made = pay_out(shop, amount=1000)
        payout = shop.stripe.v1.payouts.retrieve(made["id"], {"expand": ["balance_transaction"]})
        assert (payout.amount, payout.automatic, payout.status) == (1000, False, "pending")
        assert payout.reconciliation_status == "not_applicable"
        own = payout.balance_transaction
        assert isinstance(own, stripe.BalanceTransaction)
        assert (own.type, own.reporting_category, own.net, own.source) == ("payout", "payout", -1000, payout.id)
        assert pay_out(shop)["amount"] == 912
        assert [found.amount for found in shop.stripe.v1.payouts.list().data] == [912, 1000]

    def test_its_transactions_are_not_listed(self, shop: Shop) -> None:
        shop.buy()
        advance(shop, 2)
        made = pay_out(shop)
        with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic transfers, not manual"):
            books(shop, payout=made["id"])
        with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
            books(shop, payout="po_none")

    def test_it_is_sent_and_arrives(self, shop: Shop) -> None:
        shop.buy()
        advance(shop, 2)
        made = pay_out(shop)
        advance(shop, 1)
        assert shop.stripe.v1.payouts.retrieve(made["id"]).status == "in_transit"
        advance(shop, 1)
        assert shop.stripe.v1.payouts.retrieve(made["id"]).status == "paid"
        kinds = [kind for kind in shop.event_types() if kind.startswith("payout.")]
        assert kinds == ["payout.created", "payout.updated", "payout.updated", "payout.paid"]

    def test_one_that_fails_brings_its_money_back(self, shop: Shop) -> None:
        shop.buy()
        advance(shop, 2)
        made = pay_out(shop)
        shop.simulator.control("POST", f"payouts/{made['id']}", status="failed", failure_code="no_account")
        failed = shop.stripe.v1.payouts.retrieve(made["id"])
        assert (failed.status, failed.failure_code) == ("failed", "no_account")
        returned = books(shop)[0]
        assert (returned.type, returned.reporting_category, returned.net) == ("payout_failure", "payout_reversal", 1912)
        assert returned.id == failed.failure_balance_transaction
        assert refused(shop, f"payouts/{made['id']}", status="paid")
        assert pay_out(shop)["amount"] == 1912


class TestAutomaticPayouts:
    def test_take_along_what_is_available_each_day_and_list_it(self, shop: Shop) -> None:
        tell(shop, payouts="automatic")
        first = shop.buy()
        advance(shop, 1)
        second = shop.buy(5000)
        advance(shop, 1)
        [payout] = shop.stripe.v1.payouts.list().data
        assert (payout.amount, payout.automatic, payout.reconciliation_status) == (1912, True, "completed")
        assert [(entry.type, entry.source) for entry in books(shop, payout=payout.id)] == [
            ("payout", payout.id),
            ("charge", first.id),
        ]
        advance(shop, 1)
        newest = shop.stripe.v1.payouts.list().data[0]
        assert [entry.source for entry in books(shop, payout=newest.id, type="charge")] == [second.id]


class TestDistortedBooks:
    def test_a_hidden_charge_is_not_in_them_until_it_is_shown(self, shop: Shop) -> None:
        charge = shop.buy()
        shop.simulator.control("POST", "books", hide=charge.id)
        assert books(shop) == []
        with pytest.raises(stripe.InvalidRequestError, match="No such balance_transaction"):
            shop.stripe.v1.balance_transactions.retrieve(str(charge.balance_transaction))
        advance(shop, 2)
        assert refused(shop, "payouts", key=shop.key)
        shop.simulator.control("POST", "books", show=charge.id)
        assert [entry.source for entry in books(shop)] == [charge.id]

    def test_a_fee_is_another(self, shop: Shop) -> None:
        charge = shop.buy()
        shop.simulator.control("POST", "books", source=charge.id, fee=100)
        [entry] = books(shop)
        assert (entry.fee, entry.net, entry.fee_details[0].amount) == (100, 1900, 88)

    def test_a_foreign_charge_is_in_them_and_nobody_is_told(self, shop: Shop) -> None:
        shop.buy()
        told = shop.event_types()
        foreign = shop.simulator.control("POST", "books", foreign=shop.key, amount=3000)
        newest = books(shop)[0]
        assert (newest.source, newest.amount) == (foreign["id"], 3000)
        assert shop.stripe.v1.charges.retrieve(foreign["id"]).paid
        assert shop.event_types() == told


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("payouts", {"amount": 5}),
        ("payouts", {"key": "pk_test_1"}),
        ("payouts/po_none", {"status": "failed"}),
        ("books", {"hide": "ch_none"}),
        ("books", {"fee": 5}),
        ("books", {"foreign": "sk_test_1"}),
    ],
)
def test_nonsense_is_refused_with_a_reason(shop: Shop, path: str, body: dict[str, object]) -> None:
    assert refused(shop, path, **body)
