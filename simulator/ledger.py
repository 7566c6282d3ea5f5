"""Balance transactions: every movement of an account's money, in minor units.

Fees are those of cards in the United States. What charges bring is pending for two days; what takes money away counts
at once. An account that was told a settlement currency has all its books in it.
Source: docs.stripe.com/api/balance_transactions, docs.stripe.com/reports/reporting-categories, stripe.com/pricing,
docs.stripe.com/payouts#payout-speed, docs.stripe.com/currencies/conversions.
"""

from simulator import timeline
from simulator.accounts import find_setting
from simulator.exchange import exchange
from simulator.state import Json
from simulator.world import Scope

CHARGE_FEE_PERMILLE, CHARGE_FEE_FIXED = 29, 30
DISPUTE_FEE = 1500
DAY = 24 * 60 * 60
PENDING_DAYS = 2
# The one thing of an account that falls due for all of its balance: see payouts.py.
BALANCE, BALANCE_DUE = "balance", "settle_balance"


def record_charge(scope: Scope, charge: Json) -> Json:
    kind = "charge" if _is_card(charge) else "payment"
    available_on = (scope.now // DAY + PENDING_DAYS) * DAY
    pending = {"available_on": available_on, "status": "pending"}
    entry = _entry(scope, charge, charge["amount"], kind, "charge", **pending)
    fee = (entry["amount"] * CHARGE_FEE_PERMILLE + 500) // 1000 + CHARGE_FEE_FIXED
    return _record(scope, entry, fee, "Stripe processing fees")


def record_refund(scope: Scope, refund: Json, charge: Json) -> Json:
    kind = "refund" if _is_card(charge) else "payment_refund"
    return _record(scope, _entry(scope, refund, -refund["amount"], kind, "refund"))


def record_refund_failure(scope: Scope, refund: Json) -> Json:
    return _record(scope, _entry(scope, refund, refund["amount"], "refund_failure", "refund_failure"))


def record_dispute(scope: Scope, dispute: Json) -> Json:
    about = f"Chargeback withdrawal for {dispute['charge']}"
    entry = _entry(scope, dispute, -dispute["amount"], "adjustment", "dispute", description=about)
    return _record(scope, entry, DISPUTE_FEE, "Dispute fee")


def record_dispute_reversal(scope: Scope, dispute: Json) -> Json:
    """The amount comes back, the fee does not (docs.stripe.com/disputes/how-disputes-work)."""
    about = f"Chargeback reversal for {dispute['charge']}"
    return _record(
        scope, _entry(scope, dispute, dispute["amount"], "adjustment", "dispute_reversal", description=about)
    )


def record_payout(scope: Scope, payout: Json) -> Json:
    return _record(scope, _entry(scope, payout, -payout["amount"], "payout", "payout"))


def record_payout_return(scope: Scope, payout: Json) -> Json:
    """The money of a payout that failed or was canceled is in the balance again."""
    kind = "payout_cancel" if payout["status"] == "canceled" else "payout_failure"
    return _record(scope, _entry(scope, payout, payout["amount"], kind, "payout_reversal"))


def change_fee(scope: Scope, entry: Json, fee: int) -> Json:
    """What Stripe never does: another fee of a transaction that exists, its details left as they were."""
    return scope.account.put(entry | {"fee": fee, "net": entry["amount"] - fee})


def expect_balance(scope: Scope, due_at: int) -> None:
    """Have the account's balance looked at by then."""
    known = scope.account.find("_due", BALANCE)
    if not known or known["due_at"] > due_at:
        timeline.schedule(scope.account, BALANCE_DUE, BALANCE, due_at)


def next_midnight(now: int) -> int:
    return (now // DAY + 1) * DAY


def _entry(scope: Scope, source: Json, amount: int, kind: str, category: str, **values: object) -> Json:
    entry = scope.blank("balance_transaction", "txn_3", amount=amount, currency=source["currency"], type=kind)
    entry |= {"available_on": entry["created"], "balance_type": "payments", "status": "available"}
    entry |= {"reporting_category": category, "source": source["id"]} | values
    settled_in = find_setting(scope.account, "settlement_currency", entry["currency"])
    if settled_in != entry["currency"]:
        entry["amount"], entry["exchange_rate"] = exchange(amount, entry["currency"], settled_in)
        entry["currency"] = settled_in
    return entry


def _record(scope: Scope, entry: Json, fee: int = 0, fee_name: str = "") -> Json:
    details = {"amount": fee, "application": None, "currency": entry["currency"], "description": fee_name}
    entry |= {"fee": fee, "fee_details": [{**details, "type": "stripe_fee"}] if fee else []}
    entry["net"] = entry["amount"] - fee
    if entry["status"] == "pending":
        expect_balance(scope, entry["available_on"])
    elif find_setting(scope.account, "payouts", "manual") == "automatic":
        expect_balance(scope, next_midnight(scope.now))
    return scope.account.put(entry)


def _is_card(charge: Json) -> bool:
    return bool(charge["payment_method_details"]["type"] == "card")
