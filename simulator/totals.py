"""What a Checkout Session costs, computed on the simulator's own account and never with the shop's code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class LineAmounts:
    """One line in minor units: total = subtotal - discount + tax."""

    subtotal: int
    discount: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        return self.subtotal - self.discount + self.tax


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
        """The same with one part of the first line, `subtotal` or `tax`, off by an offset; the sums still add up."""
        first, *others = self.lines
        return Totals((replace(first, **{part: getattr(first, part) + offset}), *others))


def compute_totals(lines: Sequence[tuple[int, int]]) -> Totals:
    """Price lines given as (unit amount, quantity)."""
    return Totals(tuple(LineAmounts(subtotal=unit_amount * quantity) for unit_amount, quantity in lines))
