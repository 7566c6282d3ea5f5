"""Orders as JSON and in words; amounts in minor units in the one, formatted in the other."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import gettext

from billing.quotes import DiscountTerms, Quote, QuotedLine, TaxTerms
from core.money import format_money, format_percentage
from orders.models import DisputeState, Order, OrderLine, OrderState
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
    tax = f"{terms.name} {format_percentage(terms.percentage)}"
    return gettext("{tax}, included").format(tax=tax) if terms.inclusive else tax


def discount_in_words(terms: DiscountTerms) -> str:
    """`Spring sale, 15% off`; an amount off needs no words, since the row shows it."""
    if terms.percent_off is None:
        return terms.name
    percentage = format_percentage(terms.percent_off)
    return gettext("{discount}, {percentage} off").format(discount=terms.name, percentage=percentage)
