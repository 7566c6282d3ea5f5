"""What an order costs: worked examples from Stripe's documentation, and what holds for every order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.quotes import DiscountTerms, Quote, TaxTerms
from core.money import step
from orders.quote import PricedItem, quote_lines

VAT = TaxTerms(tax=1, version=1, name="VAT", percentage="20", inclusive=True)


def tax(percentage: str, number: int = 1, *, inclusive: bool = False) -> TaxTerms:
    return TaxTerms(tax=number, version=1, name="Tax", percentage=percentage, inclusive=inclusive)


def percent(off: str) -> DiscountTerms:
    return DiscountTerms(discount=1, version=1, name="Sale", percent_off=off, amount_off=None, currency=None)


def amount(off: int, currency: str = "usd") -> DiscountTerms:
    return DiscountTerms(discount=1, version=1, name="Sale", percent_off=None, amount_off=off, currency=currency)


def priced(*lines: Any, currency: str = "usd", discount: DiscountTerms | None = None) -> Quote:
    items = (PricedItem(number, "x", quantity, price, taxes) for number, (quantity, price, taxes) in enumerate(lines))
    return quote_lines(currency, items, discount)


def sums(quote: Quote) -> tuple[int, int, int, int]:
    return quote.subtotal, quote.discount, quote.tax, quote.total


class TestTaxes:
    def test_are_rounded_line_by_line(self) -> None:
        """The table of support.stripe.com/questions/rounding-rules-for-stripe-fees: 0.0645 and 0.726 of a dollar."""
        quote = priced((1, 43, (tax("15"),)), (1, 484, (tax("15"),)))
        assert [line.tax for line in quote.lines] == [6, 73]
        assert sums(quote) == (527, 0, 79, 606)

    def test_that_are_inclusive_leave_the_price_as_it_is(self) -> None:
        """support.stripe.com/questions/inclusive-and-exclusive-tax-options: 10 % of a price of 600 euros."""
        assert sums(priced((1, 60000, (tax("10", inclusive=True),)), currency="eur")) == (60000, 0, 5455, 60000)

    def test_that_are_exclusive_come_on_top(self) -> None:
        """The same page."""
        assert sums(priced((1, 60000, (tax("10"),)), currency="eur")) == (60000, 0, 6000, 66000)

    def test_are_of_what_the_discount_leaves(self) -> None:
        assert sums(priced((2, 1000, (tax("20"),)), discount=percent("50"))) == (2000, 1000, 200, 1200)

    def test_of_both_kinds_are_of_the_price_without_the_inclusive_one(self) -> None:
        quote = priced((1, 12000, (VAT, tax("5", 2))))
        assert [one.amount for one in quote.lines[0].taxes] == [2000, 500]
        assert quote.total == 12500

    @pytest.mark.parametrize(("percentage", "rounded"), [("8.875", 89), ("0.0001", 0), ("12.55", 126), ("100", 1000)])
    def test_have_up_to_four_decimals_and_are_rounded_half_up(self, percentage: str, rounded: int) -> None:
        assert priced((1, 1000, (tax(percentage),))).tax == rounded


class TestADiscount:
    def test_in_percent_is_of_the_sum(self) -> None:
        """99 % of 19.99 leaves 20 cents, as Stripe's invoices have it."""
        assert sums(priced((1, 1999, ()), discount=percent("99"))) == (1999, 1979, 0, 20)

    def test_is_spread_in_proportion_and_what_is_left_goes_to_the_largest_remainders(self) -> None:
        quote = priced((1, 333, ()), (1, 333, ()), (1, 334, ()), discount=amount(100))
        assert [line.discount for line in quote.lines] == [33, 33, 34]
        assert [line.discount for line in priced((1, 5, ()), (1, 5, ()), discount=amount(1)).lines] == [1, 0]

    def test_never_takes_more_than_there_is(self) -> None:
        assert sums(priced((1, 1000, (tax("20"),)), discount=amount(5000))) == (1000, 1000, 0, 0)

    def test_of_everything_leaves_nothing_to_pay(self) -> None:
        assert priced((3, 999, ()), discount=percent("100")).total == 0


class TestCurrencies:
    """docs.stripe.com/currencies: no decimals, three of which the last is 0, and whole units in hundredths."""

    @pytest.mark.parametrize(
        ("currency", "price", "off", "expected"),
        [
            ("jpy", 1001, "15", (1001, 150, 85, 936)),
            ("kwd", 12340, "15", (12340, 1850, 1050, 11540)),
            ("isk", 123400, "15", (123400, 18500, 10500, 115400)),
            ("ugx", 5000, "33.33", (5000, 1700, 300, 3600)),
        ],
    )
    def test_round_to_their_own_steps(
        self, currency: str, price: int, off: str, expected: tuple[int, int, int, int]
    ) -> None:
        assert sums(priced((1, price, (tax("10"),)), currency=currency, discount=percent(off))) == expected


percentages = st.decimals(min_value=0, max_value=100, places=4).map(str)
terms = st.builds(tax, percentages, st.integers(1, 9), inclusive=st.booleans())
currencies = st.sampled_from(["usd", "jpy", "kwd", "isk"])
discounts = st.one_of(
    st.none(),
    st.decimals(min_value="0.01", max_value=100, places=2).map(str).map(percent),
    st.integers(1, 999).map(amount),
)
lines = st.lists(
    st.tuples(st.integers(1, 999), st.integers(0, 99_999), st.lists(terms, max_size=3).map(tuple)), max_size=8
)


@given(currencies, lines, discounts)
def test_the_parts_of_every_order_add_up_and_are_never_negative(
    currency: str, lines: list[tuple[int, int, tuple[TaxTerms, ...]]], discount: DiscountTerms | None
) -> None:
    unit = step(currency)
    if discount and discount.amount_off:
        discount = amount(discount.amount_off * unit, currency)
    quote = priced(
        *((count, price * unit, taxes) for count, price, taxes in lines), currency=currency, discount=discount
    )
    exclusive = sum(one.amount for line in quote.lines for one in line.taxes if not one.terms.inclusive)
    assert quote.total == quote.subtotal - quote.discount + exclusive
    for part in ("subtotal", "discount", "tax", "total"):
        assert getattr(quote, part) == sum(getattr(line, part) for line in quote.lines)
    for line in quote.lines:
        assert line.tax == sum(one.amount for one in line.taxes)
        for value in (line.subtotal, line.discount, line.tax, line.total, line.subtotal - line.discount):
            assert value >= 0
            assert value % unit == 0
