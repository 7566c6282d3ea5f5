"""What Stripe asks of a new Checkout Session beyond the contract's types.

Source: docs.stripe.com/api/checkout/sessions/create (required parameters, 100 line items, expiry),
docs.stripe.com/currencies (amounts).
"""

import re
from urllib.parse import urlsplit

from simulator.currencies import MAXIMUM_CHARGE, MINIMUM_CHARGE, amount_step, format_amount
from simulator.errors import StripeError, invalid_parameter, missing_parameter, not_simulated
from simulator.resources.metadata import check_metadata
from simulator.state import Json

EXPIRY_SECONDS = 24 * 60 * 60
MIN_EXPIRY_SECONDS = 30 * 60
MAX_LINES = 100
MAX_QUANTITY = 999_999
_CURRENCY = re.compile(r"[a-z]{3}")
_HOST = re.compile(r"[\w.:\[\]-]+")
# Whatever is valid at Stripe but missing here is refused, so that nothing is silently ignored.
SIMULATED = {
    "": {
        "adaptive_pricing", "cancel_url", "client_reference_id", "currency", "customer_email", "discounts", "expand",
        "expires_at", "line_items", "locale", "metadata", "mode", "payment_intent_data", "payment_method_types",
        "submit_type", "success_url", "ui_mode",
    },
    "line_items": {"metadata", "price_data", "quantity", "tax_rates"},
    "price_data": {"currency", "product_data", "unit_amount"},
    "product_data": {"description", "images", "metadata", "name"},
    "payment_intent_data": {"description", "metadata", "receipt_email", "statement_descriptor_suffix"},
}  # fmt: skip


def check_session(params: Json, now: int) -> str:
    """Hold the parameters against every rule; answers the session's currency, raises StripeError."""
    _check_simulated("", params)
    _check_simulated("payment_intent_data", params.get("payment_intent_data", {}))
    _check_mode(params)
    _check_urls(params)
    _check_expiry(params, now)
    check_metadata("metadata", params.get("metadata", {}))
    check_metadata("payment_intent_data[metadata]", params.get("payment_intent_data", {}).get("metadata", {}))
    lines: list[Json] = params.get("line_items", [])
    if not lines:
        raise missing_parameter("line_items")
    if len(lines) > MAX_LINES:
        raise invalid_parameter("line_items", f"You may only specify up to {MAX_LINES} line items.")
    for index, line in enumerate(lines):
        _check_line(f"line_items[{index}]", line)
    return _check_currency(lines, params)


def _check_simulated(where: str, params: Json) -> None:
    if missing := sorted(params.keys() - SIMULATED[where]):
        raise not_simulated(f"the parameter {missing[0]!r} of a Checkout Session{where and ' in ' + where}")


def _check_mode(params: Json) -> None:
    if "mode" not in params:
        raise missing_parameter("mode")
    if params["mode"] != "payment":
        raise not_simulated(f"a Checkout Session of mode {params['mode']!r}")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_simulated(f"a Checkout Session of ui_mode {params['ui_mode']!r}")


def _check_urls(params: Json) -> None:
    if "success_url" not in params:
        raise missing_parameter("success_url")
    for name in ("success_url", "cancel_url"):
        url = urlsplit(str(params.get(name, params["success_url"])))
        if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.netloc):
            raise invalid_parameter(name, "Not a valid URL", "url_invalid")


def _check_expiry(params: Json, now: int) -> None:
    expires_at = params.get("expires_at", now + EXPIRY_SECONDS)
    if expires_at < now + MIN_EXPIRY_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid_parameter("expires_at", message)
    if expires_at > now + EXPIRY_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid_parameter("expires_at", message)


def _check_line(where: str, line: Json) -> None:
    _check_simulated("line_items", line)
    if "price_data" not in line:
        raise missing_parameter(f"{where}[price_data]")
    price = line["price_data"]
    _check_simulated("price_data", price)
    for name in ("product_data", "unit_amount"):
        if name not in price:
            raise missing_parameter(f"{where}[price_data][{name}]")
    _check_simulated("product_data", price["product_data"])
    if not price["product_data"]["name"]:
        raise invalid_parameter(
            f"{where}[price_data][product_data][name]", "You passed an empty string.", "parameter_invalid_empty"
        )
    _check_count(f"{where}[price_data][unit_amount]", price["unit_amount"], 0, MAXIMUM_CHARGE)
    if "quantity" not in line:
        raise missing_parameter(f"{where}[quantity]")
    _check_count(f"{where}[quantity]", line["quantity"], 1, MAX_QUANTITY)


def _check_count(param: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        message = f"This value must be between {low} and {high} (it currently is '{value}')."
        raise invalid_parameter(param, message, "parameter_invalid_integer")


def _check_currency(lines: list[Json], params: Json) -> str:
    """The one currency of all the lines."""
    currencies = {line["price_data"]["currency"] for line in lines}
    if "currency" in params:
        currencies.add(params["currency"])
    if len(currencies) > 1:
        raise invalid_parameter("line_items", "All line items of a Checkout Session must have the same currency.")
    currency: str = currencies.pop()
    if not _CURRENCY.fullmatch(currency):
        raise invalid_parameter("line_items[0][price_data][currency]", f"Invalid currency: {currency}.")
    if any(line["price_data"]["unit_amount"] % amount_step(currency) for line in lines):
        message = f"Amounts in {currency} must be multiples of {amount_step(currency)}."
        raise invalid_parameter("line_items", message)
    return currency


def check_total(total: int, currency: str) -> None:
    """A total of nothing is a no-cost order (docs.stripe.com/payments/checkout/no-cost-orders)."""
    if 0 < total < MINIMUM_CHARGE.get(currency, 1):
        raise _total_error("amount_too_small", "at least", MINIMUM_CHARGE[currency], currency)
    if total > MAXIMUM_CHARGE:
        raise _total_error("amount_too_large", "at most", MAXIMUM_CHARGE, currency)


def _total_error(code: str, bound: str, amount: int, currency: str) -> StripeError:
    limit = f"{format_amount(amount, currency)} {currency}"
    return invalid_parameter(None, f"The Checkout Session's total amount due must add up to {bound} {limit}", code)
