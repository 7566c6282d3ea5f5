"""Cards whose owner has to confirm a payment at a page of their bank's. Source: docs.stripe.com/payments/3d-secure.

Stripe.js shows that page in a dialog where it can; here the shopper always goes there and comes back, which Stripe
documents for `next_action.redirect_to_url`.
"""

from dataclasses import asdict
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simulator.methods import PaymentMethod
from simulator.payments import charge_card, refuse_unauthenticated, require_action
from simulator.state import Json
from simulator.world import Scope

# What `redirect_status` tells the page that the shopper comes back to.
REDIRECT_STATUS = {"succeeded": "succeeded", "processing": "pending"}


def ask_for_authentication(
    scope: Scope, intent: Json, method: PaymentMethod, email: str | None, return_url: str
) -> None:
    note = {"method": asdict(method), "email": email, "return_url": return_url}
    scope.account.note("_authentication", intent["id"], note)
    require_action(scope, intent, method, f"{scope.world.public_url}/c/3ds/{intent['id']}", return_url)


def is_asked_for(intent: Json) -> bool:
    return bool(intent["status"] == "requires_action")


def answer_authentication(scope: Scope, intent: Json, *, confirmed: bool) -> Json:
    """Charge the card, or refuse it; answers what was noted when the shopper was sent: `email` and `return_url`."""
    note = scope.account.records("_authentication")[intent["id"]]
    scope.account.remove("_authentication", intent["id"])
    if confirmed:
        charge_card(scope, intent, PaymentMethod(**note["method"]), note["email"])
    else:
        refuse_unauthenticated(scope, intent)
    return note


def return_address(intent: Json, return_url: str) -> str:
    """The shop's page with what Stripe adds to its query (docs.stripe.com/payments/accept-a-payment)."""
    parts = urlsplit(return_url)
    told = {"payment_intent": intent["id"], "payment_intent_client_secret": intent["client_secret"]}
    told["redirect_status"] = REDIRECT_STATUS.get(intent["status"], "failed")
    query = parse_qsl(parts.query, keep_blank_values=True) + list(told.items())
    return urlunsplit(parts._replace(query=urlencode(query)))
