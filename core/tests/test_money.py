from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from core.money import exponent, format_money, major_units, minor_units, validate_currency


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (1050, "usd", "en", "$10.50"),
        (123456789, "eur", "de", "1.234.567,89\xa0€"),
        (1050, "jpy", "en", "¥1,050"),
        (1050, "kwd", "en", "KWD\xa01.050"),
        (1000, "isk", "en", "ISK\xa010"),
        (1050, "afn", "en", "AFN\xa010.50"),
        (-500, "usd", "en", "-$5.00"),
        (0, "gbp", "en-GB", "£0.00"),
    ],
)
def test_amounts_are_read_in_the_decimals_that_stripe_counts_in(
    amount: int, currency: str, locale: str, text: str
) -> None:
    assert format_money(amount, currency, locale) == text


def test_decimals_are_stripes() -> None:
    assert [exponent(currency) for currency in ("usd", "jpy", "kwd", "isk", "ugx")] == [2, 0, 3, 2, 2]


@pytest.mark.parametrize("code", ["USD", "xyz", "us", ""])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        validate_currency(code)


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("10.50", "usd", 1050),
        ("1050", "jpy", 1050),
        ("1.05", "kwd", 1050),
        ("10", "isk", 1000),
        ("10.500", "usd", 1050),
    ],
)
def test_amounts_are_kept_in_minor_units(written: str, currency: str, amount: int) -> None:
    assert minor_units(Decimal(written), currency) == amount
    assert major_units(amount, currency) == Decimal(written)


@pytest.mark.parametrize(
    ("written", "currency"), [("10.505", "usd"), ("10.5", "jpy"), ("1.055", "kwd"), ("10.5", "isk")]
)
def test_decimals_that_are_not_charged_are_refused(written: str, currency: str) -> None:
    with pytest.raises(ValidationError, match="decimals"):
        minor_units(Decimal(written), currency)
