"""`/v1/checkout/sessions`. Source: docs.stripe.com/api/checkout/sessions."""

from typing import Any

from simulator import timeline
from simulator.errors import unexpected_state
from simulator.payments import WAITING, cancel_intent
from simulator.resources.checkout_pricing import Pricing, note_breakdown, price_session
from simulator.resources.checkout_rules import EXPIRY_SECONDS, check_session
from simulator.resources.listing import fetch, list_kind, paginate
from simulator.state import Json
from simulator.totals import LineAmounts
from simulator.world import Call, Scope, new_id

LINES_INCLUDED = 10


def create(call: Call) -> Json:
    currency = check_session(call.params, call.now)
    pricing = price_session(call, currency)
    session = _new_session(call, currency, pricing)
    lines = zip(call.params["line_items"], pricing.totals.lines, strict=True)
    items = [_new_item(call, line, amounts, currency) for line, amounts in lines]
    note = {"line_items": items, "payment_intent_data": call.params.get("payment_intent_data", {})}
    note |= {"coupon": pricing.coupon, "breakdown": note_breakdown(call, session, items, pricing)}
    call.account.note("_session", session["id"], note)
    timeline.schedule(call.account, "expire_session", session["id"], session["expires_at"])
    return call.account.put(session)


def _new_session(call: Call, currency: str, pricing: Pricing) -> Json:
    params, totals = call.params, pricing.totals
    prefix = "cs_live_" if call.account.livemode else "cs_test_"
    session = call.blank("checkout.session", prefix + "a1", currency=currency, mode="payment", status="open")
    session |= {"amount_subtotal": totals.subtotal, "amount_total": totals.total, "payment_status": "unpaid"}
    session["total_details"] = {"amount_discount": totals.discount, "amount_shipping": 0, "amount_tax": totals.tax}
    session |= {"automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None}}
    session |= {"custom_fields": [], "shipping_options": [], "payment_method_options": {}}
    session["custom_text"] = call.world.contract.blank("payment_pages_checkout_session_custom_text")
    session |= {"customer_creation": "if_required", "payment_method_collection": "if_required"}
    session |= {"phone_number_collection": {"enabled": False}, "adaptive_pricing": {"enabled": True}}
    session |= {"metadata": {}, "ui_mode": "hosted_page", "payment_method_types": ["card"]}
    session["expires_at"] = call.now + EXPIRY_SECONDS
    session["url"] = f"{call.world.public_url}/c/pay/{session['id']}"
    session |= {name: value for name, value in params.items() if name in session and name != "line_items"}
    coupon = pricing.coupon
    session["discounts"] = [{"coupon": coupon["id"], "promotion_code": None}] if coupon else []
    return session


def _new_item(call: Call, line: Json, amounts: LineAmounts, currency: str) -> Json:
    price_data: Json = line["price_data"]
    price: dict[str, Any] = call.blank("price", "price_1", currency=currency, active=False, billing_scheme="per_unit")
    price |= {"metadata": {}, "product": new_id("prod_", 14), "type": "one_time"}
    price |= {"tax_behavior": "unspecified", "unit_amount": price_data["unit_amount"]}
    price["unit_amount_decimal"] = str(price_data["unit_amount"])
    item = call.world.contract.blank("item") | {"id": new_id("li_1"), "object": "item", "currency": currency}
    item |= {"amount_discount": amounts.discount, "amount_subtotal": amounts.subtotal}
    item |= {"amount_tax": amounts.tax, "amount_total": amounts.total, "metadata": line.get("metadata", {})}
    return item | {"description": price_data["product_data"]["name"], "price": price, "quantity": line["quantity"]}


def retrieve(call: Call) -> Json:
    return fetch(call, "checkout.session", "session")


def list_sessions(call: Call) -> Json:
    return list_kind(call, "checkout.session", equal=("payment_intent", "status", "customer"))


def list_line_items(call: Call) -> Json:
    session = fetch(call, "checkout.session", "session")
    return paginate(call, line_items(call, session["id"]))


def expire(call: Call) -> Json:
    session = fetch(call, "checkout.session", "session")
    if session["status"] != "open":
        raise unexpected_state(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}."
        )
    timeline.unschedule(call.account, session["id"])
    expire_session(call, session["id"])
    return session


def expire_session(scope: Scope, session_id: str) -> None:
    """Close an open session; the PaymentIntent that a failed attempt left is canceled with it."""
    session = scope.account.records("checkout.session")[session_id]
    intent = scope.account.find("payment_intent", session["payment_intent"] or "")
    if intent and intent["status"] in WAITING:
        cancel_intent(scope, intent, "expired")
    session |= {"status": "expired", "url": None}
    scope.emit("checkout.session.expired", scope.account.put(session))


def line_items(scope: Scope, session_id: str) -> list[Json]:
    items: list[Json] = scope.account.records("_session")[session_id]["line_items"]
    return items


def first_line_items(scope: Scope, session: Json) -> Json:
    """What `expand[]=line_items` brings: the first few."""
    items = line_items(scope, session["id"])
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return {"object": "list", "data": items[:LINES_INCLUDED], "has_more": len(items) > LINES_INCLUDED, "url": url}


HANDLERS = {
    ("POST", "/v1/checkout/sessions"): create,
    ("GET", "/v1/checkout/sessions"): list_sessions,
    ("GET", "/v1/checkout/sessions/{session}"): retrieve,
    ("GET", "/v1/checkout/sessions/{session}/line_items"): list_line_items,
    ("POST", "/v1/checkout/sessions/{session}/expire"): expire,
}
