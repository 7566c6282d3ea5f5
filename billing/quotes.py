"""What Stripe is asked to charge: the quote of an order, without the order; and the terms that it was priced by.

Percentages are texts such as `15` or `8.875`, since facts hold no floats.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DiscountTerms:
    """One version of a Discount: percent off, or an amount off in minor units of `currency`; the other is null."""

    discount: int
    version: int
    name: str
    percent_off: str | None
    amount_off: int | None
    currency: str | None


@dataclass(frozen=True, kw_only=True)
class TaxTerms:
    """One version of a Tax: `inclusive` says that it is part of the price, else it comes on top."""

    tax: int
    version: int
    name: str
    percentage: str
    inclusive: bool


@dataclass(frozen=True, kw_only=True)
class QuotedTax:
    """What one tax is on one line, in minor units."""

    terms: TaxTerms
    amount: int


@dataclass(frozen=True, kw_only=True)
class QuotedLine:
    """One line; all amounts in minor units. `tax` is all taxes, `total` = `subtotal` - `discount` + exclusive taxes."""

    item: int
    name: str
    quantity: int
    unit_amount: int
    subtotal: int
    discount: int
    tax: int
    total: int
    taxes: tuple[QuotedTax, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The sums of the lines, in minor units of one lower-case currency."""

    currency: str
    lines: tuple[QuotedLine, ...]
    subtotal: int
    discount: int
    tax: int
    total: int
    discount_terms: DiscountTerms | None = None
