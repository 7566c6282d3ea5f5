"""Payouts: money on its way from an account's balance to its bank.

An automatic one takes along all that is available, at midnight; a manual one an amount, and nobody knows of what. They
are sent a day later and arrive after two; one that fails brings its money back.
Source: docs.stripe.com/payouts, docs.stripe.com/payouts/reconciliation, docs.stripe.com/api/payouts/object.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from simulator import ledger, timeline
from simulator.accounts import find_setting
from simulator.errors import StripeError, unexpected_state
from simulator.ledger import DAY
from simulator.state import Json
from simulator.world import Scope, new_id

HIDDEN, TAKEN = "_hidden", "_paid_out"
MOVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pending": ("in_transit", "canceled", "failed"),
        "in_transit": ("paid", "failed"),
        "paid": ("failed",),
        "canceled": (),
        "failed": (),
    }
)
RETURNED = frozenset({"failed", "canceled"})


def settle_balance(scope: Scope, _name: str) -> None:
    """What was pending long enough is available; an account with automatic payouts pays out what it has."""
    waiting = []
    for entry in list(scope.account.records("balance_transaction").values()):
        if entry["status"] == "pending" and entry["available_on"] <= scope.now:
            scope.account.put(entry | {"status": "available"})
        elif entry["status"] == "pending":
            waiting.append(entry["available_on"])
    if find_setting(scope.account, "payouts", "manual") == "automatic":
        pay_out_everything(scope)
    if waiting:
        ledger.expect_balance(scope, min(waiting))


def pay_out_everything(scope: Scope) -> None:
    entries = [entry for entry in available(scope) if entry["id"] not in scope.account.records(TAKEN)]
    for currency in sorted({entry["currency"] for entry in entries}):
        taken = [entry for entry in entries if entry["currency"] == currency]
        if (amount := sum(entry["net"] for entry in taken)) > 0:
            payout = create_payout(scope, amount, currency, automatic=True)
            for entry_id in (*(entry["id"] for entry in taken), payout["balance_transaction"]):
                scope.account.note(TAKEN, entry_id, {"payout": payout["id"]})
            scope.account.put(payout | {"reconciliation_status": "completed"})
            scope.emit("payout.reconciliation_completed", scope.account.records("payout")[payout["id"]])


def pay_out(scope: Scope, amount: int | None, currency: str) -> Json:
    """A manual payout of an amount, or of all that is available; raises Stripe's error where there is less."""
    balance = sum(entry["net"] for entry in available(scope) if entry["currency"] == currency)
    amount = balance if amount is None else amount
    if not 0 < amount <= balance:
        message = "You have insufficient funds in your Stripe account for this transfer."
        raise StripeError(400, message, code="balance_insufficient", saved=True)
    return create_payout(scope, amount, currency, automatic=False)


def available(scope: Scope) -> Iterable[Json]:
    hidden = scope.account.records(HIDDEN)
    for entry in scope.account.records("balance_transaction").values():
        if entry["status"] == "available" and entry["id"] not in hidden:
            yield entry


def create_payout(scope: Scope, amount: int, currency: str, *, automatic: bool) -> Json:
    payout = scope.blank("payout", "po_1", amount=amount, currency=currency, automatic=automatic, status="pending")
    payout |= {"arrival_date": ledger.next_midnight(scope.now) + DAY, "destination": new_id("ba_1"), "metadata": {}}
    payout |= {"method": "standard", "source_type": "card", "type": "bank_account", "description": "STRIPE PAYOUT"}
    payout["reconciliation_status"] = "in_progress" if automatic else "not_applicable"
    payout["balance_transaction"] = ledger.record_payout(scope, payout)["id"]
    scope.emit("payout.created", scope.account.put(payout))
    timeline.schedule(scope.account, "send_payout", payout["id"], ledger.next_midnight(scope.now))
    return payout


def send_payout(scope: Scope, payout_id: str) -> None:
    """It leaves, and where its time has come it arrives as well."""
    payout = scope.account.records("payout")[payout_id]
    if payout["status"] == "pending":
        payout = move_payout(scope, payout, "in_transit")
    if payout["arrival_date"] <= scope.now:
        move_payout(scope, payout, "paid")
    else:
        timeline.schedule(scope.account, "send_payout", payout_id, payout["arrival_date"])


def move_payout(scope: Scope, payout: Json, status: str, failure_code: str = "account_closed") -> Json:
    before = {"status": payout["status"]}
    if status not in MOVES[payout["status"]]:
        raise unexpected_state(f"This payout has a status of {payout['status']} and cannot become {status}.")
    payout = payout | {"status": status}
    if status in RETURNED:
        timeline.unschedule(scope.account, payout["id"])
        payout["failure_balance_transaction"] = ledger.record_payout_return(scope, payout)["id"]
    if status == "failed":
        payout |= {"failure_code": failure_code, "failure_message": f"The payout failed: {failure_code}."}
    scope.emit("payout.updated", scope.account.put(payout), before)
    if status != "in_transit":
        scope.emit(f"payout.{status}", payout)
    return payout


def entries_of(scope: Scope, payout_id: str) -> set[str]:
    """The transactions that an automatic payout took along, its own included."""
    return {name for name, note in scope.account.records(TAKEN).items() if note["payout"] == payout_id}
