"""Refunds: how one begins, moves on and fails, and what that does to its charge.

A card's refund succeeds at once; it may still fail days later. All of a charge's refunds count in its
`amount_refunded`, pending ones too, until they fail or are canceled.
Source: docs.stripe.com/refunds, docs.stripe.com/api/refunds/object, and for the events
docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update. Wording of the errors: as shops have reported it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from simulator import ledger
from simulator.currencies import format_amount
from simulator.errors import StripeError, invalid_parameter, unexpected_state
from simulator.staged import take_staged
from simulator.state import Json
from simulator.world import Scope

BEGINNINGS = ("pending", "requires_action", "succeeded")
MOVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pending": ("requires_action", "succeeded", "failed", "canceled"),
        "requires_action": ("pending", "succeeded", "failed", "canceled"),
        "succeeded": ("failed",),
        "failed": (),
        "canceled": (),
    }
)
# What is left of a refund that ends like this: nothing; with Stripe's reason when nobody gives another.
UNDONE = MappingProxyType({"failed": "unknown", "canceled": "merchant_request"})
FAILURE_REASONS = (
    "charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card", "insufficient_funds",
    "lost_or_stolen_card", "merchant_request", "unknown",
)  # fmt: skip


def refund_charge(scope: Scope, charge: Json, amount: int | None = None, **values: Any) -> Json:
    """Refund part of a charge, or what is left of it; raises Stripe's error where it can't be."""
    _check_refundable(scope, charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    _check_amount(amount, left, charge["currency"])
    refund = scope.blank("refund", "re_3", amount=amount, charge=charge["id"], currency=charge["currency"], **values)
    refund |= {"payment_intent": charge["payment_intent"], "payment_method": charge["payment_method"]}
    if charge["payment_method_details"]["type"] == "card":
        reference = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
        refund["destination_details"] = {"type": "card", "card": reference}
    _enter(refund, take_staged(scope, "refund") or "succeeded")
    refund["balance_transaction"] = ledger.record_refund(scope, refund, charge)["id"]
    before = _add_refunded(scope, charge, amount)
    scope.emit("refund.created", scope.account.put(refund))
    scope.emit("charge.refunded", charge, before)
    return refund


def move_refund(scope: Scope, refund: Json, status: str, failure_reason: str | None = None) -> Json:
    """Let a refund go on to another status; the money of one that fails or is canceled returns to the account."""
    before = {"status": refund["status"]}
    if status not in MOVES[refund["status"]]:
        raise unexpected_state(f"This refund has a status of {refund['status']} and cannot become {status}.")
    _enter(refund, status)
    if status in UNDONE:
        refund["failure_balance_transaction"] = ledger.record_refund_failure(scope, refund)["id"]
        refund["failure_reason"] = failure_reason or UNDONE[status]
        _add_refunded(scope, scope.account.records("charge")[refund["charge"]], -refund["amount"])
    announce_update(scope, refund, before)
    if status == "failed":
        scope.emit("refund.failed", refund)
    return refund


def announce_update(scope: Scope, refund: Json, before: Json) -> None:
    """Keep a changed refund and say so in both of Stripe's ways."""
    scope.emit("refund.updated", scope.account.put(refund), before)
    scope.emit("charge.refund.updated", refund, before)


def _enter(refund: Json, status: str) -> None:
    refund["status"] = status
    refund.pop("pending_reason", None)  # absent, never null, where it does not apply
    if status == "pending":
        refund["pending_reason"] = "processing"


def _add_refunded(scope: Scope, charge: Json, amount: int) -> Json:
    """Count a refund in its charge; answers what the charge said before."""
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    scope.account.put(charge)
    return before


def _check_refundable(scope: Scope, charge: Json) -> None:
    disputes = (found for found in scope.account.records("dispute").values() if found["charge"] == charge["id"])
    if charge["status"] != "succeeded":
        message = f"Charge {charge['id']} has a status of {charge['status']} and cannot be refunded."
        raise unexpected_state(message, "charge_not_refundable")
    if charge["refunded"]:
        raise unexpected_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if not all(dispute["is_charge_refundable"] for dispute in disputes):
        raise unexpected_state(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed"
        )


def _check_amount(amount: int, left: int, currency: str) -> None:
    if amount < 1:
        raise invalid_parameter("amount", "Invalid positive integer", "parameter_invalid_integer")
    if amount > left:
        wanted, unrefunded = format_amount(amount, currency), format_amount(left, currency)
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({unrefunded})"
        # Stripe sends no code with this one.
        raise StripeError(400, message, param="amount", saved=True)
