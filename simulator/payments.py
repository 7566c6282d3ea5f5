"""How money is asked for: PaymentIntents, the attempts at them, the Charges behind those, and their events.

Source: docs.stripe.com/payments/paymentintents/lifecycle (statuses), docs.stripe.com/api/events/types (events).
"""

from typing import Any

from simulator import ledger, timeline
from simulator.methods import DEBIT_FAILED, NOT_AUTHENTICATED, PaymentMethod, Refusal
from simulator.state import Json
from simulator.world import Scope, new_id

SETTLING_SECONDS = 3 * 24 * 60 * 60
DISPUTED_AFTER_SECONDS = 5 * 24 * 60 * 60
# Statuses from which an intent may be tried, tried again or canceled.
WAITING = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def charge_card(scope: Scope, intent: Json, method: PaymentMethod, email: str | None) -> None:
    """Take the money, or be refused: the intent is then `succeeded`, or waits for another attempt."""
    card = method.card
    if card.refusal:
        _fail(scope, intent, _new_charge(scope, intent, method, email, status="failed"), card.refusal)
        return
    charge = _new_charge(scope, intent, method, email, status="succeeded")
    scope.emit("charge.succeeded", charge)
    if card.disputed:
        timeline.schedule(scope.account, "dispute_charge", charge["id"], scope.now + DISPUTED_AFTER_SECONDS)
    _succeed(scope, intent, charge)


def charge_quietly(scope: Scope, amount: int, currency: str) -> Json:
    """A charge that the shop never asked for and is never told of."""
    intent = new_intent(scope, amount, currency, ["card"], {})
    charge = _new_charge(scope, intent, PaymentMethod.from_card("4242424242424242", 12, 2040), None, status="succeeded")
    intent |= {"status": "succeeded", "amount_received": amount, "latest_charge": charge["id"]}
    scope.account.put(intent | {"payment_method": charge["payment_method"]})
    return charge


def begin_slow_payment(
    scope: Scope, intent: Json, method: PaymentMethod, email: str | None, *, fails: bool = False
) -> None:
    """Nothing is known before it settles: then the money comes, or it is known that none will."""
    charge = _new_charge(scope, intent, method, email, status="pending")
    scope.emit("charge.pending", charge)
    intent |= {"status": "processing", "payment_method": method.id, "latest_charge": charge["id"]}
    intent |= {"next_action": None, "last_payment_error": None}
    scope.emit("payment_intent.processing", scope.account.put(intent))
    action = "fail_payment" if fails else "settle_payment"
    timeline.schedule(scope.account, action, intent["id"], scope.now + SETTLING_SECONDS)


def settle_payment(scope: Scope, intent_id: str) -> None:
    """The money of a slow payment has arrived."""
    intent, charge, session = _slow_payment(scope, intent_id)
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["balance_transaction"] = ledger.record_charge(scope, charge)["id"]
    scope.emit("charge.succeeded", scope.account.put(charge))
    _succeed(scope, intent, charge)
    if session:
        session["payment_status"] = "paid"
        scope.emit("checkout.session.async_payment_succeeded", scope.account.put(session))


def fail_payment(scope: Scope, intent_id: str) -> None:
    """The money of a slow payment will not come; a session of it stays complete and unpaid."""
    intent, charge, session = _slow_payment(scope, intent_id)
    _fail(scope, intent, charge, DEBIT_FAILED)
    if session:
        scope.emit("checkout.session.async_payment_failed", session)


def _slow_payment(scope: Scope, intent_id: str) -> tuple[Json, Json, Json | None]:
    """A PaymentIntent, its charge and its session, if it has one."""
    intent = scope.account.records("payment_intent")[intent_id]
    return intent, scope.account.records("charge")[intent["latest_charge"]], session_of(scope, intent)


def session_of(scope: Scope, intent: Json) -> Json | None:
    """The Checkout Session that an intent belongs to."""
    note = scope.account.find("_session_of", intent["id"])
    return scope.account.records("checkout.session")[note["session"]] if note else None


def require_action(scope: Scope, intent: Json, method: PaymentMethod, url: str, return_url: str) -> None:
    """The shopper has to go somewhere first."""
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": return_url}}
    intent |= {"status": "requires_action", "payment_method": method.id, "next_action": action}
    scope.emit("payment_intent.requires_action", scope.account.put(intent))


def refuse_unauthenticated(scope: Scope, intent: Json) -> None:
    """No charge is made of a card whose owner did not confirm it."""
    _reject(scope, intent, NOT_AUTHENTICATED, {})


def cancel_intent(scope: Scope, intent: Json, reason: str | None) -> Json:
    intent |= {"status": "canceled", "canceled_at": scope.now, "cancellation_reason": reason, "next_action": None}
    scope.emit("payment_intent.canceled", scope.account.put(intent))
    return intent


def new_intent(scope: Scope, amount: int, currency: str, method_types: list[str], plan: Json) -> Json:
    """A PaymentIntent that has not been tried; `plan` holds its own optional parameters (`payment_intent_data`)."""
    intent = scope.blank("payment_intent", "pi_3", amount=amount, currency=currency, payment_method_types=method_types)
    intent |= {"amount_capturable": 0, "amount_received": 0, "status": "requires_payment_method", "metadata": {}}
    intent |= {"capture_method": "automatic_async", "confirmation_method": "automatic", "payment_method_options": {}}
    intent |= {"client_secret": f"{intent['id']}_{new_id('secret_')}", **plan}
    return scope.account.put(intent)


def _new_charge(scope: Scope, intent: Json, method: PaymentMethod, email: str | None, **values: Any) -> Json:
    paid = values["status"] == "succeeded"
    charge = scope.blank("charge", "ch_3", amount=intent["amount"], currency=intent["currency"], **values)
    del charge["refunds"]  # only where it is asked for
    charge |= {"amount_captured": intent["amount"] if paid else 0, "amount_refunded": 0, "captured": paid, "paid": paid}
    charge["livemode"] = intent["livemode"]
    charge |= {"refunded": False, "disputed": False, "fraud_details": {}, "metadata": dict(intent["metadata"])}
    charge |= {"payment_intent": intent["id"], "payment_method": method.id, "description": intent["description"]}
    charge["payment_method_details"] = {"type": method.type, method.type: method.details}
    charge["billing_details"] = {**scope.world.contract.blank("billing_details"), "email": email}
    outcome = {"type": "authorized", "network_status": "approved_by_network", "seller_message": "Payment complete."}
    charge["outcome"] = {**scope.world.contract.blank("charge_outcome"), **outcome, "risk_level": "normal"}
    if paid:
        charge["balance_transaction"] = ledger.record_charge(scope, charge)["id"]
    return scope.account.put(charge)


def _succeed(scope: Scope, intent: Json, charge: Json) -> None:
    intent |= {"status": "succeeded", "amount_received": charge["amount"], "latest_charge": charge["id"]}
    intent |= {"payment_method": charge["payment_method"], "last_payment_error": None, "next_action": None}
    scope.emit("payment_intent.succeeded", scope.account.put(intent))


def _fail(scope: Scope, intent: Json, charge: Json, refusal: Refusal) -> None:
    charge |= {"status": "failed", "failure_code": refusal.code, "failure_message": refusal.message}
    charge["outcome"] |= {"type": "issuer_declined", "network_status": "declined_by_network"}
    charge["outcome"] |= {"reason": refusal.decline_code, "seller_message": refusal.message}
    scope.emit("charge.failed", scope.account.put(charge))
    _reject(scope, intent, refusal, {"charge": charge["id"]})


def _reject(scope: Scope, intent: Json, refusal: Refusal, more: Json) -> None:
    error = {"type": refusal.kind, "code": refusal.code, "decline_code": refusal.decline_code}
    error |= {"message": refusal.message, **more}
    error["doc_url"] = f"https://docs.stripe.com/error-codes#{refusal.code.replace('_', '-')}"
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent |= {"latest_charge": more.get("charge", intent["latest_charge"])}
    intent["last_payment_error"] = {name: value for name, value in error.items() if value is not None}
    scope.emit("payment_intent.payment_failed", scope.account.put(intent))
