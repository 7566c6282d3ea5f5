"""What Stripe is asked to charge: the quote of an order, without the order."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuotedLine:
    """One line; all amounts in minor units, `total` = `subtotal` - `discount` + exclusive tax."""

    item: int
    name: str
    quantity: int
    unit_amount: int
    subtotal: int
    discount: int
    tax: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The sums of the lines, in minor units of one lower-case currency."""

    currency: str
    lines: tuple[QuotedLine, ...]
    subtotal: int
    discount: int
    tax: int
    total: int
