"""Money: integers in minor units with a lower-case ISO 4217 code, as Stripe has them.

Which currencies have no or three decimals is Stripe's own list, not ISO's: docs.stripe.com/currencies#zero-decimal,
#three-decimal and #special-cases (ISK and UGX are passed as if they had two decimals).
"""

import re
from copy import copy
from decimal import Decimal

from babel import Locale
from babel.numbers import get_currency_symbol, is_currency
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext

from core.locales import amounts_locale

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_ONLY = frozenset({"isk", "ugx"})


def exponent(currency: str) -> int:
    """How many decimals an amount in minor units has: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """What every amount is a multiple of, in minor units: 10 where the third decimal must be 0, 100 for whole units."""
    if currency in WHOLE_ONLY:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def major_units(amount: int, currency: str) -> Decimal:
    """`1050, "usd"` -> `Decimal("10.50")`."""
    return Decimal(amount).scaleb(-exponent(currency))


def charged_decimals(currency: str) -> int:
    """How many decimals Stripe charges; the third one of a three-decimal currency must be 0.

    Source: docs.stripe.com/currencies#three-decimal and #special-cases.
    """
    return 0 if currency in WHOLE_ONLY else min(exponent(currency), 2)


def minor_units(amount: Decimal, currency: str) -> int:
    """`Decimal("10.50"), "usd"` -> `1050`; raises ValidationError when it has more decimals than Stripe charges."""
    decimals = charged_decimals(currency)
    if amount != round(amount, decimals):
        at_most = ngettext(
            "An amount in %(currency)s has at most %(count)d decimal.",
            "An amount in %(currency)s has at most %(count)d decimals.",
            decimals,
        )
        allowed = at_most if decimals else gettext("An amount in %(currency)s has no decimals.")
        raise ValidationError(allowed % {"currency": currency.upper(), "count": decimals})
    return int(amount.scaleb(exponent(currency)))


def format_percentage(percentage: str) -> str:
    """`8.875` -> `8.875%`, in the locale's way."""
    locale = amounts_locale()
    pattern = copy(locale.percent_formats[None])
    pattern.frac_prec = (0, 4)
    return str(pattern.apply(Decimal(percentage) / 100, locale))


def format_money(amount: int, currency: str, locale: str | None = None) -> str:
    """An amount in minor units as a person reads it: `1050, "usd"` -> `$10.50`, in the shopper's locale unless given.

    The decimals are Stripe's, not CLDR's: Babel would round 10.50 in a currency that CLDR counts in whole units.
    """
    parsed = Locale.parse(locale, sep="-") if locale else amounts_locale()
    code = currency.upper()
    pattern = copy(parsed.currency_formats["standard"])
    digits = 0 if currency in WHOLE_ONLY else exponent(currency)
    pattern.frac_prec = (digits, digits)
    if get_currency_symbol(code, parsed)[-1].isalpha():
        # Letters are kept apart from the digits (UTS #35, currencySpacing), which Babel leaves out: KWD 1.050.
        pattern.prefix = tuple(re.sub("¤$", "¤\xa0", prefix) for prefix in pattern.prefix)
    return str(pattern.apply(major_units(amount, currency), parsed, currency=code, currency_digits=False))


def is_supported(code: str) -> bool:
    """Whether this is a lower-case ISO 4217 code."""
    return code == code.lower() and is_currency(code.upper())


def validate_currency(code: str) -> None:
    """Django validator of a currency."""
    if not is_supported(code):
        wrong = gettext("%(code)s is not a currency; use a lower-case ISO 4217 code such as usd.")
        raise ValidationError(wrong % {"code": repr(code)})
