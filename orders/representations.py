"""Orders as JSON and in words; amounts in minor units in the one, formatted in the other."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from billing.quotes import DiscountTerms, Quote, QuotedLine, TaxTerms
from core.money import format_money, format_percentage
from orders.models import Attention, DisputeState, Order, OrderLine, OrderState
from orders.quote import quote_of
from orders.selectors import is_final, payment_progress

# Other apps append what they know of an order's money: rows of words and formatted amounts.
money_contributors: list[Callable[[Order], Iterable[tuple[str, str]]]] = []


def order_as_json(order: Order) -> dict[str, Any]:
    """The order as programs get it; its lines must be prefetched."""
    quote = quote_of(order)
    return {
        "id": order.pk,
        "state": order.state,
        "dispute_state": order.dispute_state,
        "currency": order.currency,
        "subtotal": quote.subtotal,
        "discount": quote.discount,
        "tax": quote.tax,
        "total": quote.total,
        "received": order.received,
        "refunded": order.refunded,
        "surplus": order.surplus,
        "lines": [line_as_json(line) for line in quote.lines],
    }


def line_as_json(line: QuotedLine) -> dict[str, Any]:
    return {
        "item": line.item,
        "name": line.name,
        "quantity": line.quantity,
        "unit_amount": line.unit_amount,
        "subtotal": line.subtotal,
        "discount": line.discount,
        "tax": line.tax,
        "total": line.total,
    }


EMPTY_BASKET: dict[str, Any] = {
    "id": None,
    "state": OrderState.DRAFT,
    "dispute_state": DisputeState.NONE,
    "currency": None,
    **dict.fromkeys(["subtotal", "discount", "tax", "total", "received", "refunded", "surplus"], 0),
    "lines": [],
}


def status_as_json(order: Order) -> dict[str, Any]:
    return {"state": order.state, "payment": payment_progress(order), "final": is_final(order)}


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the order page says: `tone` is `waiting`, `good`, `neutral` or `warning`."""

    tone: str
    title: str
    happened: str
    to_do: str
    payable: bool = False


CONFIRMING = Status(
    tone="waiting",
    title="We are confirming your payment",
    happened="The result is on its way to us from our payment provider.",
    to_do="Do not pay again. This page updates by itself as soon as we know.",
)
UNPAID = Status(
    tone="neutral",
    title="Not paid yet",
    happened="Your order is placed, and we know of no payment yet.",
    to_do="Pay when you are ready.",
    payable=True,
)
PROCESSING = Status(
    tone="waiting",
    title="Your payment is being processed",
    happened="Your payment method takes a while to confirm; that can be days.",
    to_do="Do not pay again. You can close this page and come back to it.",
)
UNCLEAR = Status(
    tone="warning",
    title="We are looking at your payment",
    happened="What we received is not what this order needs.",
    to_do="Do not pay again. A person will put it right and contact you if needed.",
)
PAID = Status(
    tone="good",
    title="Paid",
    happened="We received your payment. Thank you!",
    to_do="There is nothing more for you to do.",
)
PARTIALLY_REFUNDED = Status(
    tone="good",
    title="Partly refunded",
    happened="We received your payment and gave part of it back.",
    to_do="Your bank shows the refund within ten days.",
)
REFUNDED = Status(
    tone="neutral",
    title="Refunded",
    happened="We gave your payment back.",
    to_do="Your bank shows the refund within ten days.",
)
FAILED = Status(
    tone="warning",
    title="The payment did not go through",
    happened="Your bank or payment method refused it, and nothing was charged.",
    to_do="Try again, maybe with another card.",
    payable=True,
)
CANCELED = Status(
    tone="neutral",
    title="Canceled",
    happened="This order was canceled and can no longer be paid.",
    to_do="Order again whenever you like.",
)
DRAFT = Status(tone="neutral", title="Not placed yet", happened="This order is still being put together.", to_do="")


BY_STATE = {
    OrderState.DRAFT: DRAFT,
    OrderState.PAID: PAID,
    OrderState.PARTIALLY_REFUNDED: PARTIALLY_REFUNDED,
    OrderState.REFUNDED: REFUNDED,
    OrderState.CANCELED: CANCELED,
}
# Money came in that does not pay the order. Told by the order's own row: the payments are read by another query,
# which may see a delivery that this row has not seen yet.
NOT_RIGHT = {Attention.UNDERPAID, Attention.UNCOUNTED}


def status_of(order: Order, *, returned: bool) -> Status:
    """The truth about an order for its shopper; `returned`: the shopper just came back from paying."""
    if order.state in BY_STATE:
        return BY_STATE[OrderState(order.state)]
    if NOT_RIGHT & set(order.attention):
        return UNCLEAR
    progress = payment_progress(order)
    if progress == "processing" and order.payments.all():
        return PROCESSING
    if progress == "failed":
        return FAILED
    return CONFIRMING if returned or progress in {"processing", "succeeded"} else UNPAID


def money_table(order: Order, lines: Iterable[OrderLine] | None = None) -> list[tuple[str, str]]:
    """The order's sums in words and formatted amounts, its total last; a subtotal that is the total says nothing.

    As for `quote_of`, its lines are given, or must be prefetched.
    """
    quote = quote_of(order, lines)
    rows = (
        [(gettext("Subtotal"), quote.subtotal)] if quote.subtotal != quote.total or quote.tax or quote.discount else []
    )
    if quote.discount_terms is not None:
        rows.append((discount_in_words(quote.discount_terms), -quote.discount))
    rows += [(tax_in_words(terms), amount) for terms, amount in taxes_by_terms(quote).items()]
    return [(label, format_money(amount, order.currency)) for label, amount in [*rows, (gettext("Total"), quote.total)]]


def taxes_by_terms(quote: Quote) -> dict[TaxTerms, int]:
    """Over all lines; the amounts of one tax are summed, as Stripe's page shows them."""
    amounts: Counter[TaxTerms] = Counter()
    for line in quote.lines:
        for tax in line.taxes:
            amounts[tax.terms] += tax.amount
    return dict(amounts)


def tax_in_words(terms: TaxTerms) -> str:
    """`VAT 20%, included`."""
    percentage = format_percentage(terms.percentage)
    return f"{terms.name} {percentage}{', included' if terms.inclusive else ''}"


def discount_in_words(terms: DiscountTerms) -> str:
    """`Spring sale, 15% off`; an amount off needs no words, since the row shows it."""
    if terms.percent_off is None:
        return terms.name
    return f"{terms.name}, {format_percentage(terms.percent_off)} off"
