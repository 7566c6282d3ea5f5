"""One delivery taken apart: `python -m deploy.bench.delivery` makes an order and prints its Specimen as JSON.

A process of its own, since Django reads its settings once: here they are those of the server that is measured.
"""

import json
import sys
import time
from typing import Any

import django
import msgspec

django.setup()

from django.db import connection  # noqa: E402 Django must know its settings first
from django.test import Client  # noqa: E402 as above
from django.test.utils import CaptureQueriesContext  # noqa: E402 as above

from billing.accounts import account_named  # noqa: E402 as above
from billing.events import StripeCallSucceeded  # noqa: E402 as above
from billing.gateway.calls import Reply, complete_call  # noqa: E402 as above
from billing.gateway.signatures import API_VERSION  # noqa: E402 as above
from billing.models import StripeCall  # noqa: E402 as above
from core.eventlog import provenance  # noqa: E402 as above
from deploy.bench.specimen import ENDPOINT, Specimen  # noqa: E402 as above
from orders.models import Item  # noqa: E402 as above
from orders.services.buying import place_purchase, read_purchase  # noqa: E402 as above
from simulator.contract import Contract  # noqa: E402 as above
from simulator.webhooks import sign  # noqa: E402 as above

FIRST_ORDER = 900_000_000_001
DAY_SECONDS = 24 * 60 * 60
PAID = "checkout.session.completed"

type Json = dict[str, Any]

# What a paid Session says beside what we asked for: docs.stripe.com/api/checkout/sessions/object.
COMPLETED: Json = {
    "adaptive_pricing": {"enabled": False},
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": "auto",
    "cancel_url": "https://shop.example/order/cancel?token=Zm9yIHRoZSBiZW5jaCBhbG9uZSwgdGhpcyBvcGVucyBub3RoaW5n",
    "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer_creation": "if_required",
    "customer_details": {
        "address": {
            "city": "Berlin",
            "country": "DE",
            "line1": "Unter den Linden 1",
            "line2": None,
            "postal_code": "10117",
            "state": None,
        },
        "business_name": None,
        "email": "shopper@example.com",
        "individual_name": None,
        "name": "Ada Example",
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    },
    "discounts": [],
    "invoice_creation": {
        "enabled": False,
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": None,
            "metadata": {},
            "rendering_options": None,
        },
    },
    "locale": "auto",
    "mode": "payment",
    "payment_method_collection": "if_required",
    "payment_method_configuration_details": {"id": "pmc_1S5kq2LkdIwHu7ix", "parent": None},
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card", "link"],
    "payment_status": "paid",
    "phone_number_collection": {"enabled": False},
    "saved_payment_method_options": {
        "allow_redisplay_filters": ["always"],
        "payment_method_remove": None,
        "payment_method_save": None,
    },
    "shipping_options": [],
    "status": "complete",
    "success_url": "https://shop.example/order/paid?token=Zm9yIHRoZSBiZW5jaCBhbG9uZSwgdGhpcyBvcGVucyBub3RoaW5n",
    "ui_mode": "hosted_page",
    "url": None,
    "wallet_options": None,
}


def make_waiting_order(shopper_id: str) -> tuple[int, StripeCall, Json]:
    """A shopper presses Buy, and Stripe answers: the order's number, the call, and the Session once it is paid."""
    item, _ = Item.objects.get_or_create(name="Enamel mug", price=1850, currency="usd")
    order_id, call = place_purchase(shopper_id, read_purchase(shopper_id, item.pk))
    session = session_of(order_id, call)
    complete_call(call, Reply(outcome=StripeCallSucceeded(object_id=session["id"]), stripe_object=session))
    return order_id, call, session | COMPLETED


def session_of(order_id: int, call: StripeCall) -> Json:
    """What Stripe would answer, with every field that it has."""
    [line] = call.body["line_items"]
    amount = line["price_data"]["unit_amount"]
    return Contract.load().blank("checkout.session") | {
        "id": f"cs_live_{order_id}",
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "currency": line["price_data"]["currency"],
        "expires_at": int(time.time()) + DAY_SECONDS,
        "livemode": True,
        "metadata": call.body["metadata"],
        "payment_intent": f"pi_{order_id}",
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "url": f"https://checkout.stripe.com/c/pay/cs_live_{order_id}",
    }


def event_id(session: Json) -> str:
    return f"evt_{session['payment_intent']}"


def event_about(session: Json) -> str:
    event = Contract.load().blank("event") | {
        "id": event_id(session),
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "data": {"object": session},
        "livemode": True,
        "type": PAID,
    }
    return json.dumps(event, indent=2)


def statements_of(payload: str) -> list[str]:
    """What the database is asked when this is delivered."""
    secret = account_named("default").webhook_secrets[0]
    header = sign(payload.encode(), secret, int(time.time()))
    with CaptureQueriesContext(connection) as captured:
        answer = Client().post(
            ENDPOINT,
            payload,
            content_type="application/json",
            headers={"host": "127.0.0.1", "stripe-signature": header},
            secure=True,
        )
    if answer.status_code != 200:  # noqa: PLR2004 OK
        sys.exit(answer.content.decode())
    return [query["sql"] for query in captured.captured_queries]


def main() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('orders_order', 'id'), %s, false)", [FIRST_ORDER])
    with provenance.acting("shopper"):
        order_id, call, session = make_waiting_order(f"shopper-{FIRST_ORDER}")
        tried_id, tried_call, tried_session = make_waiting_order(f"shopper-{FIRST_ORDER + 1}")
    same = {str(tried_call.pk): str(call.pk), tried_call.pk.hex: str(call.pk), str(tried_id): str(order_id)}
    specimen = Specimen(
        order=str(order_id),
        call=str(call.pk),
        event=event_id(session),
        payload=event_about(session),
        statements=[replace_all(statement, same) for statement in statements_of(event_about(tried_session))],
    )
    sys.stdout.buffer.write(msgspec.json.encode(specimen))


def replace_all(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    main()
