"""Disputes: how one is opened, moves through Stripe's statuses, and takes or returns the money.

An inquiry (`warning_*`) takes nothing; a chargeback takes its amount and a fee, and returns the amount when it is won.
Source: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/api/disputes/object,
docs.stripe.com/api/events/types (charge.dispute.*), docs.stripe.com/testing#disputes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from simulator import ledger, timeline
from simulator.contract import Contract
from simulator.errors import unexpected_state
from simulator.state import Json
from simulator.world import Scope

DAY = 24 * 60 * 60
DUE_DAYS = 14
# Disputes begin open; those stopped before they were filed, and those that leave nothing to answer, are over at once.
BEGINNINGS = ("warning_needs_response", "needs_response", "prevented", "lost")
MOVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "warning_needs_response": ("warning_under_review", "warning_closed", "needs_response", "prevented"),
        "warning_under_review": ("warning_closed", "needs_response"),
        "warning_closed": (),
        "needs_response": ("under_review", "won", "lost"),
        "under_review": ("won", "lost"),
        "won": (),
        "lost": (),
        "prevented": (),
    }
)
WITHDRAWN = frozenset({"needs_response", "under_review", "lost"})
CHARGE_REFUNDABLE = frozenset({"warning_needs_response", "warning_under_review", "warning_closed", "won"})
UNDER_REVIEW = frozenset({"warning_under_review", "under_review"})
REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip


def dispute_charge(scope: Scope, charge_id: str) -> None:
    """What the test card for disputes does some days later; a charge that has been refunded is not disputed."""
    charge = scope.account.records("charge")[charge_id]
    if not charge["refunded"]:
        open_dispute(scope, charge)


def open_dispute(
    scope: Scope, charge: Json, amount: int | None = None, reason: str = "fraudulent", status: str = "needs_response"
) -> Json:
    """A new dispute of a succeeded charge, of all of it or of another amount; a charge may have several."""
    if charge["status"] != "succeeded":
        raise unexpected_state(f"Charge {charge['id']} has a status of {charge['status']} and cannot be disputed.")
    dispute = scope.blank("dispute", "du_1", amount=charge["amount"] if amount is None else amount, status=status)
    dispute |= {"charge": charge["id"], "currency": charge["currency"], "payment_intent": charge["payment_intent"]}
    dispute |= {"reason": reason, "balance_transactions": [], "enhanced_eligibility_types": [], "metadata": {}}
    dispute["evidence"] = dict.fromkeys(_evidence_fields(scope.world.contract))
    details = {"enhanced_eligibility": {}, "has_evidence": False, "past_due": False, "submission_count": 0}
    # The last second of a day.
    dispute["evidence_details"] = {**details, "due_by": (scope.now // DAY + DUE_DAYS + 1) * DAY - 1}
    if charge["payment_method_details"]["type"] == "card":
        card = {"brand": charge["payment_method_details"]["card"]["brand"], "network_reason_code": None}
        dispute["payment_method_details"] = {"type": "card", "card": card}
    _enter(dispute, status)
    charge["disputed"] = True
    scope.account.put(charge)
    scope.emit("charge.dispute.created", scope.account.put(dispute))
    _follow_up(scope, dispute)
    return dispute


def move_dispute(scope: Scope, dispute: Json, status: str) -> Json:
    """Let a dispute go on to another status, with the events and the money that belong to it."""
    before = {"status": dispute["status"]}
    if status not in MOVES[before["status"]]:
        raise unexpected_state(f"This dispute has a status of {before['status']} and cannot become {status}.")
    _enter(dispute, status)
    scope.account.put(dispute)
    if MOVES[status]:
        scope.emit("charge.dispute.updated", dispute, before)
    _follow_up(scope, dispute, before)
    return dispute


def lose_unanswered(scope: Scope, dispute_id: str) -> None:
    """Nobody sent evidence in time."""
    dispute = scope.account.records("dispute")[dispute_id]
    dispute["evidence_details"]["past_due"] = True
    move_dispute(scope, dispute, "lost")


def _enter(dispute: Json, status: str) -> None:
    dispute |= {"status": status, "is_charge_refundable": status in CHARGE_REFUNDABLE}
    if "payment_method_details" in dispute:
        is_inquiry = status.startswith("warning_")
        dispute["payment_method_details"]["card"]["case_type"] = "inquiry" if is_inquiry else "chargeback"
    if status in UNDER_REVIEW:
        dispute["evidence_details"]["has_evidence"] = True
        dispute["evidence_details"]["submission_count"] += 1


def _follow_up(scope: Scope, dispute: Json, before: Json | None = None) -> None:
    """After the dispute itself: the money, the end, and the deadline."""
    status, movements = dispute["status"], dispute["balance_transactions"]
    if status in WITHDRAWN and not movements:
        movements.append(ledger.record_dispute(scope, dispute))
        scope.emit("charge.dispute.funds_withdrawn", scope.account.put(dispute))
    if not MOVES[status]:
        scope.emit("charge.dispute.closed", dispute, before)
    if status == "won":
        movements.append(ledger.record_dispute_reversal(scope, dispute))
        scope.emit("charge.dispute.funds_reinstated", scope.account.put(dispute))
    timeline.unschedule(scope.account, dispute["id"])
    if status == "needs_response":
        due_at = dispute["evidence_details"]["due_by"] + 1
        timeline.schedule(scope.account, "lose_unanswered", dispute["id"], due_at)


def _evidence_fields(contract: Contract) -> list[str]:
    """The contract leaves the shape of `evidence` open, but not what may be sent in it."""
    operation, _ = contract.find_operation("POST", "/v1/disputes/du_1")
    fields = operation.body["properties"]["evidence"]["properties"]
    return [name for name in fields if name != "enhanced_evidence"]
