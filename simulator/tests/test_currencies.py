import pytest

from simulator.currencies import amount_step, format_amount


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "shown"),
    [
        (1999, "usd", None, "$19.99"),
        (500, "jpy", "en", "¥500"),
        (12340, "kwd", "en", "KWD\N{NO-BREAK SPACE}12.340"),
        (150000, "isk", "en", "ISK\N{NO-BREAK SPACE}1,500"),
        (1050, "afn", "en", "AFN\N{NO-BREAK SPACE}10.50"),
        (123456, "eur", "de", "1.234,56\N{NO-BREAK SPACE}€"),
        (123456, "eur", "pt-BR", "€\N{NO-BREAK SPACE}1.234,56"),
        (1999, "usd", "klingon", "$19.99"),
    ],
)
def test_amounts_read_as_people_write_them(amount: int, currency: str, locale: str | None, shown: str) -> None:
    assert format_amount(amount, currency, locale) == shown


def test_some_currencies_take_only_round_amounts() -> None:
    assert [amount_step(currency) for currency in ("usd", "jpy", "kwd", "isk")] == [1, 1, 10, 100]
