"""What a Checkout Session costs, computed on the simulator's own account and never with the shop's code.

Every part is a multiple of the currency's step, rounded half up; in between, arithmetic is exact.

1. A line's subtotal is its unit amount times its quantity.
2. A percentage off is rounded on the sum of the subtotals, an amount off is at most that sum. It is spread over the
   lines in proportion to their subtotals: rounded down, then what is left in steps to the largest remainders.
3. Inclusive rates together find the base inside what is left of the line, base = net * 100 / (100 + their sum),
   unrounded; every tax of the line, inclusive or exclusive, is rounded from that base.
4. A line's total is net plus its exclusive taxes; the session's figures are the sums of its lines'.

Source: docs.stripe.com/api/checkout/sessions/line_items (amount_subtotal before discounts and taxes), docs.stripe.com/
tax/tax-rates (tax per line item, inclusive and exclusive), support.stripe.com/questions/rounding-rules-for-stripe-fees
(tax is rounded per line item), docs.stripe.com/currencies (steps). Where leftovers of a discount go, and the base of a
line that has both kinds of tax, Stripe documents nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Rate:
    """Per cent of the base; inclusive when the price holds it already."""

    percentage: Fraction
    inclusive: bool


@dataclass(frozen=True)
class Reduction:
    """Off the whole order: per cent, or else an amount in minor units."""

    percent_off: Fraction | None = None
    amount_off: int = 0


@dataclass(frozen=True)
class Line:
    """What is bought, in minor units, and how it is taxed."""

    unit_amount: int
    quantity: int
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True)
class TaxAmount:
    """One tax of one line, in minor units."""

    amount: int
    inclusive: bool


@dataclass(frozen=True)
class LineAmounts:
    """One line in minor units; its taxes are in the order of its rates."""

    subtotal: int
    discount: int = 0
    taxes: tuple[TaxAmount, ...] = ()

    @property
    def tax(self) -> int:
        return sum(tax.amount for tax in self.taxes)

    @property
    def total(self) -> int:
        return self.subtotal - self.discount + sum(tax.amount for tax in self.taxes if not tax.inclusive)


@dataclass(frozen=True)
class Totals:
    """The lines of a session and their sums, in minor units."""

    lines: tuple[LineAmounts, ...]

    @property
    def subtotal(self) -> int:
        return sum(line.subtotal for line in self.lines)

    @property
    def discount(self) -> int:
        return sum(line.discount for line in self.lines)

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.lines)

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)

    def shift(self, part: str, offset: int) -> "Totals":
        """The same with one part of the first line off: `subtotal`, `discount` or `tax`; the sums still add up."""
        first, *others = self.lines
        if part == "tax":
            tax, *rest = first.taxes or (TaxAmount(0, inclusive=False),)
            shifted = replace(first, taxes=(replace(tax, amount=tax.amount + offset), *rest))
        else:
            shifted = replace(first, **{part: getattr(first, part) + offset})
        return Totals((shifted, *others))


def compute_totals(lines: Sequence[Line], reduction: Reduction | None = None, step: int = 1) -> Totals:
    subtotals = [line.unit_amount * line.quantity for line in lines]
    discounts = _spread(_discount_of(sum(subtotals), reduction, step), subtotals, step)
    return Totals(
        tuple(
            LineAmounts(subtotal, discount, _tax(subtotal - discount, line.rates, step))
            for line, subtotal, discount in zip(lines, subtotals, discounts, strict=True)
        )
    )


def _discount_of(subtotal: int, reduction: Reduction | None, step: int) -> int:
    if reduction is None:
        return 0
    if reduction.percent_off is None:
        return min(reduction.amount_off, subtotal)
    return _round(subtotal * reduction.percent_off / 100, step)


def _spread(discount: int, subtotals: Sequence[int], step: int) -> list[int]:
    if not discount:
        return [0] * len(subtotals)
    exact = [Fraction(discount * subtotal, sum(subtotals)) for subtotal in subtotals]
    shares = [floor(share / step) * step for share in exact]
    left = (discount - sum(shares)) // step
    # Sorting is stable: of equal remainders the earlier line comes first.
    by_remainder = sorted(range(len(shares)), key=lambda index: shares[index] - exact[index])
    for index in by_remainder[:left]:
        shares[index] += step
    return shares


def _tax(net: int, rates: Sequence[Rate], step: int) -> tuple[TaxAmount, ...]:
    inside = sum((rate.percentage for rate in rates if rate.inclusive), Fraction(0))
    base = net * 100 / (100 + inside)
    return tuple(TaxAmount(_round(base * rate.percentage / 100, step), rate.inclusive) for rate in rates)


def _round(amount: Fraction, step: int) -> int:
    """Half up to a multiple of the step; no amount is below zero."""
    return floor(amount / step + Fraction(1, 2)) * step
