"""The price of an order: one pure function, which rounds as Stripe's Checkout does.

All amounts are multiples of the currency's step (core.money.step) and are rounded half up to it. Sources:
docs.stripe.com/api/checkout/sessions/line_items (subtotal is before discounts and taxes, total after both),
docs.stripe.com/api/coupons/object (percent_off, amount_off), docs.stripe.com/tax/tax-rates (inclusive and exclusive
taxes, on each line), support.stripe.com/questions/rounding-rules-for-stripe-fees (its table rounds tax line by line).

Stripe doesn't document which lines get what is left over when a discount is spread, nor what an exclusive tax is
computed on where an inclusive one is on the same line. Where it does otherwise by a minor unit, its amounts become the
order's (`order.quote_adopted`).
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from billing.quotes import DiscountTerms, Quote, QuotedLine, QuotedTax, TaxTerms
from core.money import step
from orders.models import Order, OrderLine, OrderState


class PricedItem(NamedTuple):
    """What is bought: `unit_amount` in minor units."""

    item: int
    name: str
    quantity: int
    unit_amount: int
    taxes: tuple[TaxTerms, ...] = ()


def quote_lines(currency: str, items: Iterable[PricedItem], discount: DiscountTerms | None = None) -> Quote:
    """Each line `quantity * unit_amount`, its share of the discount, its taxes; the order's amounts are the sums."""
    items = list(items)
    unit = step(currency)
    subtotals = [item.quantity * item.unit_amount for item in items]
    shares = spread(discount_on(sum(subtotals), discount, unit), subtotals, unit)
    lines = tuple(
        quote_line(item, subtotal, share, unit) for item, subtotal, share in zip(items, subtotals, shares, strict=True)
    )
    return Quote(
        currency=currency,
        lines=lines,
        subtotal=sum(subtotals),
        discount=sum(shares),
        tax=sum(line.tax for line in lines),
        total=sum(line.total for line in lines),
        discount_terms=discount,
    )


def quote_order(order: Order, lines: Iterable[OrderLine]) -> Quote:
    """The price of what an order's rows say: lines, taxes, discount."""
    items = (PricedItem(line.item_id, line.name, line.quantity, line.unit_amount, line.tax_terms) for line in lines)
    return quote_lines(order.currency, items, order.discount_applied)


def quote_of(order: Order, lines: Iterable[OrderLine] | None = None) -> Quote:
    """The price that an order shows: the frozen one, or that of the draft as it is.

    Its lines are given, or must be prefetched.
    """
    lines = sorted(order.lines.all() if lines is None else lines, key=lambda line: line.item_id)
    if order.state == OrderState.DRAFT:
        return quote_order(order, lines)
    return Quote(
        currency=order.currency,
        lines=tuple(frozen_line(line) for line in lines),
        subtotal=order.subtotal,
        discount=order.discount,
        tax=order.tax,
        total=order.total,
        discount_terms=order.discount_applied,
    )


def frozen_line(line: OrderLine) -> QuotedLine:
    return QuotedLine(
        item=line.item_id,
        name=line.name,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        subtotal=line.subtotal,
        discount=line.discount,
        tax=line.tax,
        total=line.total,
        taxes=line.quoted_taxes,
    )


def quote_line(item: PricedItem, subtotal: int, discount: int, unit: int) -> QuotedLine:
    net = subtotal - discount
    taxes = taxes_on(net, item.taxes, unit)
    return QuotedLine(
        item=item.item,
        name=item.name,
        quantity=item.quantity,
        unit_amount=item.unit_amount,
        subtotal=subtotal,
        discount=discount,
        tax=sum(tax.amount for tax in taxes),
        total=net + sum(tax.amount for tax in taxes if not tax.terms.inclusive),
        taxes=taxes,
    )


def discount_on(subtotal: int, discount: DiscountTerms | None, unit: int) -> int:
    """What is taken off a subtotal, never more than all of it."""
    if discount is None:
        return 0
    if discount.percent_off is not None:
        return round_half_up(subtotal * Fraction(discount.percent_off) / 100, unit)
    return min(discount.amount_off or 0, subtotal)


def spread(amount: int, weights: Sequence[int], unit: int) -> list[int]:
    """Parts of an amount in proportion to weights, adding up to it; what is left goes to the largest remainders."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    exact = [Fraction(amount * weight, total) for weight in weights]
    parts = [share // unit * unit for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda index: parts[index] - exact[index])
    for index in by_remainder[: (amount - sum(parts)) // unit]:
        parts[index] += unit
    return parts


def taxes_on(net: int, taxes: Sequence[TaxTerms], unit: int) -> tuple[QuotedTax, ...]:
    """Each tax of its share of `net`, from which the inclusive ones are taken out first."""
    included = sum((Fraction(tax.percentage) for tax in taxes if tax.inclusive), Fraction())
    base = net * 100 / (100 + included)
    return tuple(
        QuotedTax(terms=tax, amount=round_half_up(base * Fraction(tax.percentage) / 100, unit)) for tax in taxes
    )


def round_half_up(amount: Fraction, unit: int) -> int:
    return (amount / unit + Fraction(1, 2)) // 1 * unit
