"""`/v1/payment_intents`. Source: docs.stripe.com/api/payment_intents, docs.stripe.com/search (queries).

An intent is confirmed by Stripe.js alone (stripe_js.py): the contract has no card numbers.
"""

import re

from simulator.currencies import MAXIMUM_CHARGE, MINIMUM_CHARGE, amount_step, format_amount
from simulator.errors import StripeError, invalid_parameter, not_simulated, unexpected_state
from simulator.methods import slow_method_type
from simulator.payments import WAITING, cancel_intent, new_intent, session_of
from simulator.resources.listing import MAX_LIMIT, fetch, list_kind
from simulator.resources.metadata import check_metadata
from simulator.state import Json
from simulator.world import Call

_SIMULATED = {
    "amount", "automatic_payment_methods", "currency", "description", "metadata", "payment_method_types",
    "receipt_email", "statement_descriptor_suffix",
}  # fmt: skip
_CURRENCY = re.compile(r"[a-z]{3}")
_METADATA_QUERY = re.compile(r"""metadata\[(['"])(?P<key>.+)\1\]:(['"])(?P<value>.*)\3""")


def create(call: Call) -> Json:
    params = call.params
    if missing := sorted(params.keys() - _SIMULATED):
        raise not_simulated(f"the parameter {missing[0]!r} of a PaymentIntent")
    _check_amount(params["amount"], params["currency"])
    check_metadata("metadata", params.get("metadata", {}))
    types, automatic = _choose_methods(params)
    plan = {name: value for name, value in params.items() if name not in ("amount", "currency", "payment_method_types")}
    plan["automatic_payment_methods"] = automatic
    intent = new_intent(call, params["amount"], params["currency"], types, plan)
    call.emit("payment_intent.created", intent)
    return intent


def list_payment_intents(call: Call) -> Json:
    return list_kind(call, "payment_intent", equal=("customer", "customer_account"))


def search(call: Call) -> Json:
    """By one key of the metadata; Stripe's own index is up to an hour late, this one is not."""
    match = _METADATA_QUERY.fullmatch(call.params.get("query", ""))
    if not match or "page" in call.params:
        raise not_simulated("a search by anything but one metadata['key']:'value', on one page")
    newest_first = reversed(call.account.records("payment_intent").values())
    found = [intent for intent in newest_first if intent["metadata"].get(match["key"]) == match["value"]]
    limit = min(call.params.get("limit", 10), MAX_LIMIT)
    page: Json = {"object": "search_result", "url": call.path, "has_more": len(found) > limit, "next_page": None}
    return page | {"data": found[:limit]}


def retrieve(call: Call) -> Json:
    return fetch(call, "payment_intent", "intent")


def cancel(call: Call) -> Json:
    intent = fetch(call, "payment_intent", "intent")
    if session_of(call, intent):
        raise unexpected_state(
            "You cannot cancel the PaymentIntent of a Checkout Session. Expire the Checkout Session instead.",
            "payment_intent_unexpected_state",
        )
    if intent["status"] not in WAITING:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, "payment_intent_unexpected_state")
    return cancel_intent(call, intent, call.params.get("cancellation_reason"))


def _check_amount(amount: int, currency: str) -> None:
    if not _CURRENCY.fullmatch(currency):
        raise invalid_parameter("currency", f"Invalid currency: {currency}.")
    least = MINIMUM_CHARGE.get(currency, 1)
    if amount < 1:
        raise invalid_parameter("amount", "Invalid positive integer", "parameter_invalid_integer")
    if amount < least:
        raise _amount_error("amount_too_small", "at least", least, currency)
    if amount > MAXIMUM_CHARGE:
        raise _amount_error("amount_too_large", "no more than", MAXIMUM_CHARGE, currency)
    if amount % amount_step(currency):
        raise invalid_parameter("amount", f"Amounts in {currency} must be multiples of {amount_step(currency)}.")


def _amount_error(code: str, bound: str, amount: int, currency: str) -> StripeError:
    message = f"Amount must be {bound} {format_amount(amount, currency)} {currency}"
    return invalid_parameter("amount", message, code)


def _choose_methods(params: Json) -> tuple[list[str], Json | None]:
    """The types that may pay, and what is said of choosing them automatically, which is the default."""
    if "payment_method_types" in params and "automatic_payment_methods" in params:
        message = "You may only specify one of: automatic_payment_methods, payment_method_types."
        raise invalid_parameter(None, message, "parameters_exclusive")
    if "payment_method_types" in params:
        return params["payment_method_types"], None
    automatic = {"allow_redirects": "always", "enabled": True} | params.get("automatic_payment_methods", {})
    if not automatic["enabled"]:
        return ["card"], automatic
    return ["card", slow_method_type(params["currency"])], automatic


HANDLERS = {
    ("GET", "/v1/payment_intents"): list_payment_intents,
    ("POST", "/v1/payment_intents"): create,
    ("GET", "/v1/payment_intents/search"): search,
    ("GET", "/v1/payment_intents/{intent}"): retrieve,
    ("POST", "/v1/payment_intents/{intent}/cancel"): cancel,
}
