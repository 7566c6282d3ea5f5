"""How a Checkout Session is paid: its PaymentIntent and the end of the Session.

Source: docs.stripe.com/payments/checkout/fulfill-orders (which events), and docs.stripe.com/changelog/2022-08-01: a
Session gets its PaymentIntent when the shopper first submits it, not before.
"""

from simulator import timeline
from simulator.authentication import ask_for_authentication
from simulator.distortions import apply_distortion
from simulator.methods import PaymentMethod
from simulator.payments import begin_slow_payment, charge_card, new_intent
from simulator.state import Json
from simulator.world import Scope


def pay_by_card(scope: Scope, session: Json, method: PaymentMethod, email: str | None) -> Json:
    """Try the card; answers the intent, which says how that ended. Only if it succeeded the session is complete."""
    intent = _intent_of(scope, session)
    if method.card.authenticates:
        back = f"{scope.world.public_url}/c/pay/{session['id']}"
        ask_for_authentication(scope, intent, method, email, back)
    else:
        charge_card(scope, intent, method, email)
        complete_if_paid(scope, session, intent, email)
    return intent


def pay_by_slow_method(
    scope: Scope, session: Json, method: PaymentMethod, email: str | None, *, fails: bool = False
) -> None:
    """The session is complete, and unpaid until the payment settles."""
    begin_slow_payment(scope, _intent_of(scope, session), method, email, fails=fails)
    complete_session(scope, session, "unpaid", email)


def complete_if_paid(scope: Scope, session: Json, intent: Json, email: str | None) -> None:
    if intent["status"] == "succeeded":
        complete_session(scope, session, "paid", email)


def complete_session(scope: Scope, session: Json, payment_status: str, email: str | None) -> None:
    details = scope.world.contract.blank("payment_pages_checkout_session_customer_details")
    details |= {"email": email or session["customer_email"], "tax_exempt": "none", "tax_ids": []}
    session |= {"status": "complete", "payment_status": payment_status, "customer_details": details, "url": None}
    timeline.unschedule(scope.account, session["id"])
    scope.emit("checkout.session.completed", scope.account.put(session))


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
