"""Confirming a PaymentIntent as Stripe.js does: a card's number or a bank debit, and where to come back to.

    payment_method_data[type]             card, or bank_debit for the intent's slow method
    payment_method_data[card][number]     with [exp_month], [exp_year] and [cvc]; a test card
    payment_method_data[bank_debit][fails] true: the debit fails when it settles
    payment_method_data[billing_details][email]
    return_url

Source: docs.stripe.com/js/payment_intents/confirm_payment, docs.stripe.com/error-codes (of cards).
"""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from simulator.authentication import ask_for_authentication
from simulator.errors import StripeError, invalid_parameter, missing_parameter, unexpected_state
from simulator.methods import CARDS, PaymentMethod
from simulator.payments import WAITING, begin_slow_payment, charge_card, session_of
from simulator.state import Json
from simulator.world import Scope

DECLINED = 402
_CENTURY = 2000


def confirm_intent(scope: Scope, intent: Json, form: Json) -> Json:
    """The intent after the attempt; raises Stripe's error where there was none, or where the card was declined."""
    if session_of(scope, intent) or intent["status"] not in WAITING:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            "payment_intent_unexpected_state",
        )
    given = _tree(form, "payment_method_data")
    email = _tree(given, "billing_details").get("email") or None
    if given.get("type") != "card":
        fails = _tree(given, "bank_debit").get("fails") == "true"
        begin_slow_payment(scope, intent, PaymentMethod.slow(intent["currency"]), email, fails=fails)
        return intent
    method = _read_card(_tree(given, "card"), datetime.fromtimestamp(scope.now, UTC))
    if method.card.authenticates:
        ask_for_authentication(scope, intent, method, email, _read_return_url(form))
        return intent
    charge_card(scope, intent, method, email)
    if error := intent["last_payment_error"]:
        raise StripeError.of_fields(DECLINED, error)
    return intent


def _tree(form: Json, name: str) -> dict[str, Any]:
    value = form.get(name)
    return value if isinstance(value, dict) else {}


def _read_return_url(form: Json) -> str:
    if "return_url" not in form:
        raise missing_parameter("return_url")
    url = urlsplit(form["return_url"])
    if url.scheme not in ("http", "https") or not url.netloc:
        raise invalid_parameter("return_url", "Not a valid URL", "url_invalid")
    return str(form["return_url"])


def _read_card(given: dict[str, str], today: datetime) -> PaymentMethod:
    number = re.sub(r"[\s-]", "", given.get("number", ""))
    month, year = (_read_number(given.get(name, "")) for name in ("exp_month", "exp_year"))
    year += _CENTURY if year < _CENTURY else 0
    if not 1 <= month <= 12:  # noqa: PLR2004 months
        raise _card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    if (year, month) < (today.year, today.month):
        raise _card_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if not re.fullmatch(r"\d{3,4}", given.get("cvc", "")):
        raise _card_error("invalid_cvc", "Your card's security code is invalid.", "cvc")
    if number not in CARDS:
        raise _not_a_test_card(number)
    return PaymentMethod.from_card(number, month, year)


def _read_number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,4}", text) else 0


def _not_a_test_card(number: str) -> StripeError:
    if not re.fullmatch(r"\d{13,19}", number):
        return _card_error("incorrect_number", "Your card number is incorrect.", "number")
    message = "Your card was declined. Your request was in test mode, but used a non test card."
    fields = {"type": "card_error", "code": "card_declined", "decline_code": "test_mode_live_card", "message": message}
    return StripeError.of_fields(DECLINED, fields)


def _card_error(code: str, message: str, param: str) -> StripeError:
    return StripeError(DECLINED, message, kind="card_error", code=code, param=param)
