"""Balance transactions: every movement of an account's money, in minor units.

Fees are those of cards in the United States. Money is available at once, since payouts are not simulated.
Source: docs.stripe.com/api/balance_transactions, docs.stripe.com/reports/reporting-categories, stripe.com/pricing.
"""

from simulator.state import Json
from simulator.world import Scope

CHARGE_FEE_PERMILLE, CHARGE_FEE_FIXED = 29, 30
DISPUTE_FEE = 1500


def record_charge(scope: Scope, charge: Json) -> Json:
    fee = (charge["amount"] * CHARGE_FEE_PERMILLE + 500) // 1000 + CHARGE_FEE_FIXED
    kind = "charge" if _is_card(charge) else "payment"
    return _record(scope, charge, charge["amount"], kind, "charge", fee=fee, fee_name="Stripe processing fees")


def record_refund(scope: Scope, refund: Json, charge: Json) -> Json:
    kind = "refund" if _is_card(charge) else "payment_refund"
    return _record(scope, refund, -refund["amount"], kind, "refund")


def record_refund_failure(scope: Scope, refund: Json) -> Json:
    return _record(scope, refund, refund["amount"], "refund_failure", "refund_failure")


def record_dispute(scope: Scope, dispute: Json) -> Json:
    about = f"Chargeback withdrawal for {dispute['charge']}"
    amount = -dispute["amount"]
    return _record(
        scope, dispute, amount, "adjustment", "dispute", about=about, fee=DISPUTE_FEE, fee_name="Dispute fee"
    )


def record_dispute_reversal(scope: Scope, dispute: Json) -> Json:
    """The amount comes back, the fee does not (docs.stripe.com/disputes/how-disputes-work)."""
    about = f"Chargeback reversal for {dispute['charge']}"
    return _record(scope, dispute, dispute["amount"], "adjustment", "dispute_reversal", about=about)


def _record(
    scope: Scope,
    source: Json,
    amount: int,
    kind: str,
    category: str,
    *,
    about: str | None = None,
    fee: int = 0,
    fee_name: str = "",
) -> Json:
    entry = scope.blank("balance_transaction", "txn_3", amount=amount, currency=source["currency"], type=kind)
    entry |= {"available_on": entry["created"], "balance_type": "payments", "status": "available"}
    entry |= {"description": about, "reporting_category": category, "source": source["id"]}
    details = {"amount": fee, "application": None, "currency": source["currency"], "description": fee_name}
    entry |= {"fee": fee, "fee_details": [{**details, "type": "stripe_fee"}] if fee else [], "net": amount - fee}
    return scope.account.put(entry)


def _is_card(charge: Json) -> bool:
    return bool(charge["payment_method_details"]["type"] == "card")
