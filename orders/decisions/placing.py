"""Placing: the quote is frozen, unless Stripe would refuse to charge it."""

from http import HTTPStatus

from billing.limits import MAXIMUM_AMOUNT, MAXIMUM_LINES, minimum_amount
from billing.quotes import Quote
from core.money import format_money
from core.refusals import Refusal
from orders.events import OrderPlaced
from orders.models import OrderState
from orders.projections import OrderAggregate


class OrderNotPayable(Refusal):
    """Placing or paying is refused; the reason says what is in the way."""

    code = "not_payable"
    status = HTTPStatus.CONFLICT
    message = "This order can't be paid: {reason}."


def decide_placing(order: OrderAggregate, quote: Quote) -> OrderPlaced:
    """Freeze the quote; raises OrderNotPayable where Stripe would refuse it."""
    if order.root.state != OrderState.DRAFT:
        raise OrderNotPayable(reason="it has been placed already")
    if not quote.lines:
        raise OrderNotPayable(reason="it is empty")
    if len(quote.lines) > MAXIMUM_LINES:
        raise OrderNotPayable(
            reason=f"it has {len(quote.lines)} lines, and at most {MAXIMUM_LINES} can be paid at once"
        )
    least = minimum_amount(quote.currency)
    if 0 < quote.total < least:  # nothing to pay is no charge: docs.stripe.com/payments/checkout/no-cost-orders
        raise OrderNotPayable(reason=f"the least that can be charged is {format_money(least, quote.currency)}")
    if quote.total > MAXIMUM_AMOUNT:
        raise OrderNotPayable(reason=f"the most that can be charged is {format_money(MAXIMUM_AMOUNT, quote.currency)}")
    return OrderPlaced(
        lines=quote.lines,
        subtotal=quote.subtotal,
        discount=quote.discount,
        tax=quote.tax,
        total=quote.total,
        discount_terms=quote.discount_terms,
    )
