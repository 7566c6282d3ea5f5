"""What Stripe says of currencies. Source: docs.stripe.com/currencies (zero-decimal, special cases, minimum charges).

The simulator keeps its own tables: agreeing with the shop's by sharing them would prove nothing.
"""

import re
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency

ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Amounts carry two decimals for compatibility, but these have to be 00.
WHOLE_UNITS_ONLY = frozenset({"isk", "ugx"})

MINIMUM_CHARGE = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
MAXIMUM_CHARGE = 99_999_999
USUAL_DECIMALS = 2
# CLDR asks for a space in `KWD 12.340`; Babel leaves it out.
_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)")


def count_decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else USUAL_DECIMALS


def amount_step(currency: str) -> int:
    """Amounts have to be multiples of this: three-decimal amounts end in 0, ISK and UGX in 00."""
    if currency in WHOLE_UNITS_ONLY:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def format_amount(amount: int, currency: str, locale: str | None = None) -> str:
    """Minor units as a person reads them: 1999, usd -> `$19.99`; 500, jpy -> `¥500`."""
    major = Decimal(amount).scaleb(-count_decimals(currency))
    # CLDR drops the decimals of currencies whose cents nobody uses; Stripe charges them all the same.
    cldr_digits = count_decimals(currency) != USUAL_DECIMALS or currency in WHOLE_UNITS_ONLY
    shown = format_currency(major, currency.upper(), locale=_parse_locale(locale), currency_digits=cldr_digits)
    return _LETTER_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", shown)


def _parse_locale(name: str | None) -> Locale:
    try:
        return Locale.parse((name or "en").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
