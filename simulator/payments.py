"""How a Checkout Session is paid: the attempts, the PaymentIntent and Charges behind them, and their events.

Source: docs.stripe.com/testing (cards), docs.stripe.com/payments/checkout/fulfill-orders (which events), and
docs.stripe.com/changelog/2022-08-01: a Session gets its PaymentIntent when the shopper first submits it, not before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from simulator import ledger, timeline
from simulator.distortions import apply_distortion
from simulator.state import Json
from simulator.world import Scope, new_id

SETTLING_SECONDS = 3 * 24 * 60 * 60
DISPUTED_AFTER_SECONDS = 5 * 24 * 60 * 60
# The slow method offered in each currency; elsewhere a bank transfer.
SLOW_METHODS = {
    "usd": "us_bank_account",
    "eur": "sepa_debit",
    "gbp": "bacs_debit",
    "cad": "acss_debit",
    "jpy": "konbini",
}


@dataclass(frozen=True)
class Refusal:
    """Why the issuer declines, in Stripe's words."""

    code: str
    decline_code: str
    message: str


DEBIT_FAILED = Refusal("insufficient_funds", "insufficient_funds", "The bank account has insufficient funds.")


@dataclass(frozen=True)
class Card:
    """What a test card does."""

    label: str
    refusal: Refusal | None = None
    disputed: bool = False


CARDS: Mapping[str, Card] = MappingProxyType(
    {
        "4242424242424242": Card("pays"),
        "4000000000000002": Card("is declined", Refusal("card_declined", "generic_decline", "Your card was declined.")),
        "4000000000009995": Card(
            "lacks funds", Refusal("card_declined", "insufficient_funds", "Your card has insufficient funds.")
        ),
        "4000000000000259": Card("pays, is disputed 5 days later", disputed=True),
    }
)


@dataclass(frozen=True)
class PaymentMethod:
    """What the shopper pays with: `details` are the charge's `payment_method_details` of that type."""

    id: str
    type: str
    details: Json

    @classmethod
    def from_card(cls, number: str, exp_month: int, exp_year: int) -> "PaymentMethod":
        details: Json = {"brand": "visa", "country": "US", "exp_month": exp_month, "exp_year": exp_year}
        details |= {
            "funding": "credit",
            "last4": number[-4:],
            "network": "visa",
            "three_d_secure": None,
            "wallet": None,
        }
        return cls(new_id("pm_1"), "card", details)

    @classmethod
    def slow(cls, currency: str) -> "PaymentMethod":
        return cls(new_id("pm_1"), SLOW_METHODS.get(currency, "customer_balance"), {})


def pay_by_card(scope: Scope, session: Json, card: Card, method: PaymentMethod, email: str | None) -> None:
    """Charge the card: the session completes, or stays open with a failed attempt behind it."""
    intent = _intent_of(scope, session)
    if card.refusal:
        _fail(scope, intent, _new_charge(scope, intent, method, email, status="failed"), card.refusal)
        return
    charge = _new_charge(scope, intent, method, email, status="succeeded")
    scope.emit("charge.succeeded", charge)
    if card.disputed:
        timeline.schedule(scope.account, "dispute_charge", charge["id"], scope.now + DISPUTED_AFTER_SECONDS)
    _succeed(scope, intent, charge)
    complete_session(scope, session, "paid", email)


def pay_by_slow_method(
    scope: Scope, session: Json, method: PaymentMethod, email: str | None, *, fails: bool = False
) -> None:
    """Complete the session unpaid; when it settles the money comes, or it is known that none will."""
    intent = _intent_of(scope, session)
    charge = _new_charge(scope, intent, method, email, status="pending")
    scope.emit("charge.pending", charge)
    intent |= {"status": "processing", "payment_method": method.id, "latest_charge": charge["id"]}
    scope.emit("payment_intent.processing", scope.account.put(intent))
    action = "fail_payment" if fails else "settle_payment"
    timeline.schedule(scope.account, action, intent["id"], scope.now + SETTLING_SECONDS)
    complete_session(scope, session, "unpaid", email)


def settle_payment(scope: Scope, intent_id: str) -> None:
    """The money of a slow payment has arrived."""
    intent, charge, session = _slow_payment(scope, intent_id)
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["balance_transaction"] = ledger.record_charge(scope, charge)["id"]
    scope.emit("charge.succeeded", scope.account.put(charge))
    _succeed(scope, intent, charge)
    session["payment_status"] = "paid"
    scope.emit("checkout.session.async_payment_succeeded", scope.account.put(session))


def fail_payment(scope: Scope, intent_id: str) -> None:
    """The money of a slow payment will not come; its session stays complete and unpaid."""
    intent, charge, session = _slow_payment(scope, intent_id)
    _fail(scope, intent, charge, DEBIT_FAILED)
    scope.emit("checkout.session.async_payment_failed", session)


def _slow_payment(scope: Scope, intent_id: str) -> tuple[Json, Json, Json]:
    """A PaymentIntent, its charge and its session."""
    account = scope.account
    intent = account.records("payment_intent")[intent_id]
    session_id = account.records("_session_of")[intent_id]["session"]
    return intent, account.records("charge")[intent["latest_charge"]], account.records("checkout.session")[session_id]


def complete_session(scope: Scope, session: Json, payment_status: str, email: str | None) -> None:
    details = scope.world.contract.blank("payment_pages_checkout_session_customer_details")
    details |= {"email": email or session["customer_email"], "tax_exempt": "none", "tax_ids": []}
    session |= {"status": "complete", "payment_status": payment_status, "customer_details": details, "url": None}
    timeline.unschedule(scope.account, session["id"])
    scope.emit("checkout.session.completed", scope.account.put(session))


def cancel_intent(scope: Scope, intent: Json, reason: str | None) -> Json:
    intent |= {"status": "canceled", "canceled_at": scope.now, "cancellation_reason": reason}
    scope.emit("payment_intent.canceled", scope.account.put(intent))
    return intent


def _intent_of(scope: Scope, session: Json) -> Json:
    """The session's PaymentIntent, created by its first attempt and used again by the next."""
    apply_distortion(scope, session)
    if session["payment_intent"]:
        intent = scope.account.records("payment_intent")[session["payment_intent"]]
        intent |= {name: session[name] for name in ("currency", "livemode")} | {"amount": session["amount_total"]}
        return scope.account.put(intent)
    plan = scope.account.records("_session")[session["id"]]["payment_intent_data"] | {"livemode": session["livemode"]}
    intent = new_intent(scope, session["amount_total"], session["currency"], session["payment_method_types"], plan)
    scope.account.note("_session_of", intent["id"], {"session": session["id"]})
    session["payment_intent"] = intent["id"]
    scope.account.put(session)
    scope.emit("payment_intent.created", intent)
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
    intent |= {"payment_method": charge["payment_method"], "last_payment_error": None}
    scope.emit("payment_intent.succeeded", scope.account.put(intent))


def _fail(scope: Scope, intent: Json, charge: Json, refusal: Refusal) -> None:
    charge |= {"status": "failed", "failure_code": refusal.code, "failure_message": refusal.message}
    charge["outcome"] |= {"type": "issuer_declined", "network_status": "declined_by_network"}
    charge["outcome"] |= {"reason": refusal.decline_code, "seller_message": refusal.message}
    scope.emit("charge.failed", scope.account.put(charge))
    error = {"type": "card_error", "code": refusal.code, "decline_code": refusal.decline_code}
    error |= {"message": refusal.message, "charge": charge["id"]}
    error["doc_url"] = f"https://docs.stripe.com/error-codes#{refusal.code.replace('_', '-')}"
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge["id"],
        "last_payment_error": error,
    }
    scope.emit("payment_intent.payment_failed", scope.account.put(intent))
