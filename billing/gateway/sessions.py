"""Checkout Sessions: docs.stripe.com/api/checkout/sessions."""

from typing import ClassVar

from billing.accounts import account_named
from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager
from billing.models import StripeCall
from billing.quotes import Quote


def find_created(call: StripeCall) -> Body | None:
    return Sessions(account_named(call.account)).find_created(call)


def find_expired(call: StripeCall) -> Body | None:
    """The Session, if it is expired: whoever expired it."""
    session = Sessions(account_named(call.account)).read("retrieve", target=call.target, subject=call.subject)
    return session if session["status"] == "expired" else None


def session_body(quote: Quote, *, success_url: str, cancel_url: str, metadata: dict[str, str]) -> Body:
    """The parameters of a hosted, one-time payment of exactly this quote.

    Adaptive pricing is off: it would let the shopper pay in another currency, with amounts that are not the quote's.
    """
    return {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "adaptive_pricing": {"enabled": False},
        "client_reference_id": metadata["order_id"],
        "line_items": [
            {
                "price_data": {
                    "currency": quote.currency,
                    "unit_amount": line.unit_amount,
                    "product_data": {"name": line.name},
                },
                "quantity": line.quantity,
            }
            for line in quote.lines
        ],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": success_url,
        "cancel_url": cancel_url,
    }


class Sessions(ResourceManager):
    resource: ClassVar = "checkout.sessions"
    operations: ClassVar = {
        "create": Operation(
            send=lambda client, _, body, options: client.v1.checkout.sessions.create(body, options), find=find_created
        ),
        "expire": Operation(
            send=lambda client, target, body, options: client.v1.checkout.sessions.expire(target, body, options),
            find=find_expired,
        ),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.checkout.sessions.retrieve(target, body, options)
        ),
        "list": Operation(send=lambda client, _, body, options: client.v1.checkout.sessions.list(body, options)),
    }
