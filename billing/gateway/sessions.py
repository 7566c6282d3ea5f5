"""Checkout Sessions: docs.stripe.com/api/checkout/sessions."""

from collections.abc import Mapping
from typing import ClassVar

from billing.accounts import account_named
from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager
from billing.models import StripeCall
from billing.quotes import Quote, QuotedLine

# Languages of the hosted page: the values of `locale` that Stripe takes. Source: docs.stripe.com/api/checkout/sessions
LOCALES = frozenset((
    "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id",
    "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr",
    "vi", "zh", "zh-HK", "zh-TW",
))  # fmt: skip


def find_created(call: StripeCall) -> Body | None:
    return Sessions(account_named(call.account)).find_created(call)


def find_expired(call: StripeCall) -> Body | None:
    """The Session, if it is expired: whoever expired it."""
    session = Sessions(account_named(call.account)).read("retrieve", target=call.target, subject=call.subject)
    return session if session["status"] == "expired" else None


def session_body(
    quote: Quote,
    *,
    coupons: Mapping[tuple[int, int], str],
    tax_rates: Mapping[tuple[int, int], str],
    success_url: str,
    cancel_url: str,
    metadata: dict[str, str],
    language: str = "",
) -> Body:
    """The parameters of a hosted, one-time payment of exactly this quote.

    `coupons` and `tax_rates` are ids at Stripe by discount or tax, and version; KeyError where one is missing.
    Adaptive pricing is off: it would let the shopper pay in another currency, with amounts that are not the quote's.
    The page is in `language`, or in the browser's where Stripe doesn't speak it.
    """
    terms = quote.discount_terms
    discounts = {"discounts": [{"coupon": coupons[terms.discount, terms.version]}]} if terms else {}
    return discounts | {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "adaptive_pricing": {"enabled": False},
        "client_reference_id": metadata["order_id"],
        "locale": language if language in LOCALES else "auto",
        "line_items": [line_item(line, quote.currency, tax_rates) for line in quote.lines],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": success_url,
        "cancel_url": cancel_url,
    }


def line_item(line: QuotedLine, currency: str, tax_rates: Mapping[tuple[int, int], str]) -> Body:
    taxes = [tax_rates[tax.terms.tax, tax.terms.version] for tax in line.taxes]
    return ({"tax_rates": taxes} if taxes else {}) | {
        "price_data": {
            "currency": currency,
            "unit_amount": line.unit_amount,
            "product_data": {"name": line.name},
        },
        "quantity": line.quantity,
        "metadata": {"item": str(line.item)},
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
        "list_line_items": Operation(
            send=lambda client, target, body, options: client.v1.checkout.sessions.line_items.list(
                target, body, options
            )
        ),
        "list": Operation(send=lambda client, _, body, options: client.v1.checkout.sessions.list(body, options)),
    }
