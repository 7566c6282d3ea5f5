"""The facts of an order: stream `order-<id>`. Amounts are integer minor units of the order's currency unless said otherwise.

An item's name is in the facts because it is what was sold; nothing in them names or describes a person.
"""

from billing.quotes import QuotedLine
from core.eventlog.facts import fact

@fact("order.drafted")
class OrderDrafted:
    """`buy_item` is the item that this order buys at once; null for a basket."""

    shopper_id: str
    account: str
    livemode: bool
    currency: str
    buy_item: int | None


@fact("order.line_set")
class OrderLineSet:
    item: int
    name: str
    quantity: int
    unit_amount: int


@fact("order.placed")
class OrderPlaced:
    """The quote is frozen: this is what the shopper agreed to pay."""

    lines: tuple[QuotedLine, ...]
    subtotal: int
    discount: int
    tax: int
    total: int


@fact("order.quote_mismatched")
class OrderQuoteMismatched:
    """Stripe would charge something else than the quote; nobody was sent to that Session."""

    attempt: int
    session_id: str
    currency: str
    quoted_subtotal: int
    quoted_total: int
    stripe_subtotal: int
    stripe_total: int


@fact("order.checkout_opened")
class OrderCheckoutOpened:
    """A hosted Checkout Session can be paid; `expires_at` in Unix seconds."""

    attempt: int
    call_id: str
    session_id: str
    url: str
    expires_at: int


@fact("order.checkout_closed")
class OrderCheckoutClosed:
    """This Session can't be paid any more; `reason` is `completed`, `expired` or `canceled`."""

    attempt: int
    session_id: str
    reason: str


@fact("order.payment_updated")
class OrderPaymentUpdated:
    """What Stripe says of one payment; `amount` is in minor units of `currency`, which may be a wrong one.

    `status` is `processing` or `succeeded`; `source`, whose word it is, `checkout.session` or `payment_intent`.
    """

    payment_intent: str
    charge: str
    status: str
    amount: int
    currency: str
    account: str
    livemode: bool
    source: str


@fact("order.paid")
class OrderPaid:
    received: int


@fact("order.canceled")
class OrderCanceled:
    reason: str


@fact("order.attention_raised")
class OrderAttentionRaised:
    """A person should look; `reason` is one of orders.models.Attention."""

    reason: str


@fact("order.attention_cleared")
class OrderAttentionCleared:
    reason: str


@fact("order.event_ignored")
class OrderEventIgnored:
    """A verified delivery about this order that changed nothing, and why."""

    event_id: str
    type: str
    reason: str
