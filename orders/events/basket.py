"""What is ordered, at which price."""

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
    """The quote is frozen: this is what the shopper agreed to pay, and the language in which they did."""

    lines: tuple[QuotedLine, ...]
    subtotal: int
    discount: int
    tax: int
    total: int
    discount_terms: DiscountTerms | None = None
    language: str = "en"


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
