"""The price of an order: one pure function."""

from collections.abc import Iterable
from typing import NamedTuple

from billing.quotes import Quote, QuotedLine


class PricedItem(NamedTuple):
    """What is bought: `unit_amount` in minor units."""

    item: int
    name: str
    quantity: int
    unit_amount: int


def quote_lines(currency: str, items: Iterable[PricedItem]) -> Quote:
    """Line by line `quantity * unit_amount`; the order's amounts are the sums of its lines."""
    lines = tuple(
        QuotedLine(
            item=item.item,
            name=item.name,
            quantity=item.quantity,
            unit_amount=item.unit_amount,
            subtotal=item.quantity * item.unit_amount,
            discount=0,
            tax=0,
            total=item.quantity * item.unit_amount,
        )
        for item in items
    )
    return Quote(
        currency=currency,
        lines=lines,
        subtotal=sum(line.subtotal for line in lines),
        discount=sum(line.discount for line in lines),
        tax=sum(line.tax for line in lines),
        total=sum(line.total for line in lines),
    )
