"""Placing: the quote is frozen, unless Stripe would refuse to charge it."""

from django.utils.translation import gettext_noop as _

from billing.limits import MAXIMUM_AMOUNT, MAXIMUM_LINES, minimum_amount
from billing.quotes import Quote
from orders.decisions.commands import CommandRefused
from orders.events import OrderPlaced
from orders.models import OrderState
from orders.projections import OrderAggregate


class OrderNotPayable(CommandRefused):
    """Placing or paying is refused; the reason says what is in the way."""

    code = "not_payable"
    message = _("This order can't be paid: {reason}.")
    command = "checkout"
    words = {
        "already_placed": _("it has been placed already"),
        "empty": _("it is empty"),
        "too_many_lines": _("it has more than the 100 lines that can be paid at once"),
        "below_minimum": _("the least that can be charged is {amount}"),
        "above_maximum": _("the most that can be charged is {amount}"),
        "placed_in_another_tab": _("it is being placed in another tab; reload the page"),
        "not_placed": _("it has not been placed yet"),
        "canceled": _("it was canceled"),
        "already_paid": _("it is paid already"),
        "underpaid": _("money came in that does not cover it; do not pay again, we are looking at it"),
        "processing": _("a payment of it is being processed; do not pay again"),
        "confirming": _("its payment is being confirmed; do not pay again"),
        "just_expired": _("its checkout has just expired; try again"),
        "nothing_to_pay": _("there is nothing to pay; confirm it at the checkout"),
        "changed_in_another_tab": _("it was changed in another tab; reload the page"),
        "quote_mismatched": _("our payment provider would charge another amount than we showed you"),
    }


def decide_placing(order: OrderAggregate, quote: Quote, *, language: str = "en") -> OrderPlaced:
    """Freeze the quote; raises OrderNotPayable where Stripe would refuse it."""
    order_id, currency = order.root.pk, quote.currency
    if order.root.state != OrderState.DRAFT:
        raise OrderNotPayable(order_id=order_id, reason="already_placed")
    if not quote.lines:
        raise OrderNotPayable(order_id=order_id, reason="empty")
    if len(quote.lines) > MAXIMUM_LINES:
        raise OrderNotPayable(order_id=order_id, reason="too_many_lines")
    least = minimum_amount(quote.currency)
    if 0 < quote.total < least:  # nothing to pay is no charge: docs.stripe.com/payments/checkout/no-cost-orders
        raise OrderNotPayable(order_id=order_id, reason="below_minimum", amount=least, currency=currency)
    if quote.total > MAXIMUM_AMOUNT:
        raise OrderNotPayable(order_id=order_id, reason="above_maximum", amount=MAXIMUM_AMOUNT, currency=currency)
    return OrderPlaced(
        lines=quote.lines,
        subtotal=quote.subtotal,
        discount=quote.discount,
        tax=quote.tax,
        total=quote.total,
        discount_terms=quote.discount_terms,
        language=language,
    )
