"""`/v1/payment_intents`. Source: docs.stripe.com/api/payment_intents."""

from simulator.errors import unexpected_state
from simulator.payments import cancel_intent
from simulator.resources.listing import fetch, list_kind
from simulator.state import Json
from simulator.world import Call

CANCELABLE = frozenset({"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"})


def list_payment_intents(call: Call) -> Json:
    return list_kind(call, "payment_intent", equal=("customer", "customer_account"))


def retrieve(call: Call) -> Json:
    return fetch(call, "payment_intent", "intent")


def cancel(call: Call) -> Json:
    intent = fetch(call, "payment_intent", "intent")
    if call.account.find("_session_of", intent["id"]):
        raise unexpected_state(
            "You cannot cancel the PaymentIntent of a Checkout Session. Expire the Checkout Session instead.",
            "payment_intent_unexpected_state",
        )
    if intent["status"] not in CANCELABLE:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, "payment_intent_unexpected_state")
    return cancel_intent(call, intent, call.params.get("cancellation_reason"))


HANDLERS = {
    ("GET", "/v1/payment_intents"): list_payment_intents,
    ("GET", "/v1/payment_intents/{intent}"): retrieve,
    ("POST", "/v1/payment_intents/{intent}/cancel"): cancel,
}
