"""Comparing what Stripe would charge with the quote: equal, apart by rounding, or another price.

Rounding is at most one step of the currency (one minor unit in most) for each line's discount and for each tax.
"""

from collections.abc import Iterator

from billing.quotes import Quote, QuotedLine
from core.money import step
from orders.events import OrderAttentionRaised, OrderCheckoutOpened, OrderQuoteAdopted, OrderQuoteMismatched
from orders.models import Attention, Order, OrderLine
from orders.projections import OrderAggregate


def is_equal(order: Order, charged: Quote) -> bool:
    quoted = (order.currency, order.subtotal, order.discount, order.tax, order.total)
    return quoted == (charged.currency, charged.subtotal, charged.discount, charged.tax, charged.total)


def is_apart_by_rounding(order: OrderAggregate, charged: Quote) -> bool:
    """Whether the sums alone could be rounded otherwise; the lines tell whether they are."""
    root, unit = order.root, step(order.root.currency)
    discounts = len(order.lines) if root.discount_applied else 0
    taxes = sum(len(line.taxes) for line in order.lines)
    return (
        (charged.currency, charged.subtotal) == (root.currency, root.subtotal)
        and abs(charged.discount - root.discount) <= discounts * unit
        and abs(charged.tax - root.tax) <= taxes * unit
        and abs(charged.total - root.total) <= (discounts + taxes) * unit
    )


def decide_adopting(
    order: OrderAggregate, opened: OrderCheckoutOpened, lines: tuple[QuotedLine, ...]
) -> Iterator[object]:
    """Take Stripe's lines for the order's and open its Session, or refuse it where one line is apart by more."""
    root = order.root
    charged = Quote(
        currency=root.currency,
        lines=lines,
        subtotal=sum(line.subtotal for line in lines),
        discount=sum(line.discount for line in lines),
        tax=sum(line.tax for line in lines),
        total=sum(line.total for line in lines),
    )
    ours = {line.item_id: line for line in order.lines}
    unit = step(root.currency)
    if ours.keys() != {line.item for line in lines} or not all(is_rounded(ours[one.item], one, unit) for one in lines):
        yield from decide_mismatch(order, opened, charged)
        return
    yield OrderQuoteAdopted(
        attempt=opened.attempt,
        session_id=opened.session_id,
        quoted_discount=root.discount,
        quoted_tax=root.tax,
        quoted_total=root.total,
        lines=lines,
        discount=charged.discount,
        tax=charged.tax,
        total=charged.total,
    )
    yield opened


def is_rounded(quoted: OrderLine, charged: QuotedLine, unit: int) -> bool:
    """Whether a line differs by rounding alone, and adds up."""
    taxes = zip(quoted.quoted_taxes, charged.taxes, strict=True)
    exclusive = sum(tax.amount for tax in charged.taxes if not tax.terms.inclusive)
    return (
        charged.subtotal == quoted.subtotal
        and abs(charged.discount - quoted.discount) <= unit
        and all(abs(ours.amount - theirs.amount) <= unit for ours, theirs in taxes)
        and charged.tax == sum(tax.amount for tax in charged.taxes)
        and charged.total == charged.subtotal - charged.discount + exclusive
    )


def decide_mismatch(order: OrderAggregate, opened: OrderCheckoutOpened, charged: Quote) -> Iterator[object]:
    root = order.root
    yield OrderQuoteMismatched(
        attempt=opened.attempt,
        session_id=opened.session_id,
        currency=charged.currency,
        quoted_subtotal=root.subtotal,
        quoted_total=root.total,
        stripe_subtotal=charged.subtotal,
        stripe_total=charged.total,
    )
    if Attention.QUOTE_MISMATCHED not in root.attention:
        yield OrderAttentionRaised(reason=Attention.QUOTE_MISMATCHED)
