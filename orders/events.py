"""The facts of an order: stream `order-<id>`. Amounts are integer minor units of the order's currency.

An item's name is in the facts because it is what was sold; nothing in them names or describes a person.
"""

from dataclasses import dataclass

from billing.quotes import DiscountTerms, QuotedLine, TaxTerms
from core.eventlog.facts import fact


@fact("order.drafted")
@dataclass(frozen=True, kw_only=True)
class OrderDrafted:
    """`buy_item` is the item that this order buys at once; null for a basket."""

    shopper_id: str
    account: str
    livemode: bool
    currency: str
    buy_item: int | None


@fact("order.line_set")
@dataclass(frozen=True, kw_only=True)
class OrderLineSet:
    """A line of a draft; a quantity of 0 takes it away."""

    item: int
    name: str
    quantity: int
    unit_amount: int


@fact("order.tax_set")
@dataclass(frozen=True, kw_only=True)
class OrderTaxSet:
    """The taxes on one line of a draft, in the versions that hold now."""

    item: int
    taxes: tuple[TaxTerms, ...]


@fact("order.discount_set")
@dataclass(frozen=True, kw_only=True)
class OrderDiscountSet:
    """The draft's one discount, in the version that holds now; null takes it away."""

    terms: DiscountTerms | None


@fact("order.placed")
@dataclass(frozen=True, kw_only=True)
class OrderPlaced:
    """The quote is frozen: this is what the shopper agreed to pay."""

    lines: tuple[QuotedLine, ...]
    subtotal: int
    discount: int
    tax: int
    total: int
    discount_terms: DiscountTerms | None = None


@fact("order.quote_adopted")
@dataclass(frozen=True, kw_only=True)
class OrderQuoteAdopted:
    """Stripe rounds another way: `lines` and the sums are its own and the order's from now on."""

    attempt: int
    session_id: str
    quoted_discount: int
    quoted_tax: int
    quoted_total: int
    lines: tuple[QuotedLine, ...]
    discount: int
    tax: int
    total: int


@fact("order.quote_mismatched")
@dataclass(frozen=True, kw_only=True)
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
@dataclass(frozen=True, kw_only=True)
class OrderCheckoutOpened:
    """An attempt can be paid: a hosted Session (with its `url`, until `expires_at` in Unix seconds), or, where
    `session_id` is '', a PaymentIntent on our own page.
    """

    attempt: int
    call_id: str
    session_id: str
    url: str
    expires_at: int | None
    payment_intent: str = ""


@fact("order.checkout_closed")
@dataclass(frozen=True, kw_only=True)
class OrderCheckoutClosed:
    """This Session or PaymentIntent can't be paid any more; `reason` is `completed`, `expired` or `canceled`."""

    attempt: int
    session_id: str
    reason: str
    payment_intent: str = ""


@fact("order.payment_updated")
@dataclass(frozen=True, kw_only=True)
class OrderPaymentUpdated:
    """What one object of Stripe says of a payment; `amount` is in minor units of `currency`, which may be a wrong one.

    `source_id` is the object that says it, of the kind `source` (`checkout.session`, `payment_intent` or `charge`);
    `status` is `processing`, `failed` or `succeeded`; `charge` and `failure_code` are '' while there is none.
    """

    payment_intent: str
    source: str
    source_id: str
    charge: str
    status: str
    amount: int
    currency: str
    account: str
    livemode: bool
    failure_code: str = ""


@fact("order.paid")
@dataclass(frozen=True, kw_only=True)
class OrderPaid:
    received: int


@fact("order.refunded")
@dataclass(frozen=True, kw_only=True)
class OrderRefunded:
    """How far a paid order is refunded: `state` is `partially_refunded`, `refunded`, or `paid` when a refund failed."""

    state: str
    refunded: int
    net: int


@fact("order.refund_requested")
@dataclass(frozen=True, kw_only=True)
class OrderRefundRequested:
    """Somebody of ours asked Stripe to give `amount` back; the call's outcome tells what came of it."""

    call_id: str
    payment_intent: str
    amount: int
    reason: str


@fact("order.refund_updated")
@dataclass(frozen=True, kw_only=True)
class OrderRefundUpdated:
    """What Stripe says of one refund, whoever asked for it; `status` is Stripe's."""

    refund: str
    payment_intent: str
    charge: str
    status: str
    amount: int
    currency: str
    failure_reason: str


@fact("order.dispute_updated")
@dataclass(frozen=True, kw_only=True)
class OrderDisputeUpdated:
    """What Stripe says of one dispute, over an amount of its own; `due_by` (for evidence) in Unix seconds."""

    dispute: str
    payment_intent: str
    charge: str
    status: str
    amount: int
    currency: str
    reason: str
    due_by: int | None


@fact("order.review_updated")
@dataclass(frozen=True, kw_only=True)
class OrderReviewUpdated:
    """Stripe's Radar holds a payment for review, or is done with it."""

    review: str
    payment_intent: str
    is_open: bool
    reason: str


@fact("order.canceled")
@dataclass(frozen=True, kw_only=True)
class OrderCanceled:
    reason: str


@fact("order.attention_raised")
@dataclass(frozen=True, kw_only=True)
class OrderAttentionRaised:
    """A person should look; `reason` is one of orders.models.Attention."""

    reason: str


@fact("order.attention_cleared")
@dataclass(frozen=True, kw_only=True)
class OrderAttentionCleared:
    reason: str


@fact("order.command_refused")
@dataclass(frozen=True, kw_only=True)
class OrderCommandRefused:
    """Somebody wanted what this order's state does not allow: `command` is that of the refusal.

    `reason` is its code; `amount` is the one that the reason names, in minor units of `currency`.
    """

    command: str
    reason: str
    amount: int | None
    currency: str


@fact("order.event_ignored")
@dataclass(frozen=True, kw_only=True)
class OrderEventIgnored:
    """A verified delivery about this order that changed nothing, and why."""

    event_id: str
    type: str
    reason: str
