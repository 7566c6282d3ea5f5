"""What of an event describes a person, and an event without it."""

from typing import Any

import msgspec

# Fields of Stripe's objects that describe a person or a means of payment, or that open something: all below them is
# personal too. Source: docs.stripe.com/api, the objects charge,
# checkout.session, payment_intent, payment_method and review.
PERSONAL = frozenset(
    [
        "address",
        "billing_details",
        "billing_zip",
        "card",
        "card_present",
        "client_secret",
        "collected_information",
        "custom_fields",
        "customer_details",
        "customer_email",
        "email",
        "evidence",
        "fingerprint",
        "individual_name",
        "ip_address",
        "ip_address_location",
        "last4",
        "name",
        "payment_method_details",
        "phone",
        "receipt_email",
        "receipt_url",
        "session",
        "shipping",
        "shipping_address",
        "shipping_details",
        "tax_ids",
        "user_agent",
    ]
)
# The only texts that stay when a person is forgotten: ids of Stripe's objects that are no person's, codes, and what we
# wrote into the metadata. Everything that webhooks/handlers.py and webhooks/readers.py read is among them.
KEPT = frozenset(
    [
        "api_version",
        "attempt",
        "balance_transaction",
        "call_id",
        "charge",
        "currency",
        "failure_code",
        "failure_reason",
        "id",
        "item",
        "latest_charge",
        "mode",
        "object",
        "order_id",
        "payment_intent",
        "payment_status",
        "reason",
        "status",
        "type",
    ]
)


def without_person(payload: bytes) -> bytes:
    """The event, null in place of whatever may tell of a person; it can still be handled. The same bytes again where
    there is nothing of the kind.
    """
    if not payload:  # purged
        return payload
    event = msgspec.json.decode(payload)
    redacted = without_texts(event)
    return payload if redacted == event else msgspec.json.encode(redacted)


def without_texts(value: Any, name: str = "") -> Any:
    """Of a text only what is KEPT and no address stays; of whole numbers, all that is not PERSONAL. Money is whole: a
    number that isn't tells of a place.
    """
    if name in PERSONAL:
        return None
    if isinstance(value, dict):
        return {key: without_texts(inner, key) for key, inner in value.items() if "@" not in key}
    if isinstance(value, list):
        return [without_texts(inner, name) for inner in value]
    is_told = not isinstance(value, float) if not isinstance(value, str) else name in KEPT and "@" not in value
    return value if is_told else None
