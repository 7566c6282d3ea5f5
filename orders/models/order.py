"""The catalogue, an order with its lines, and the attempts to have it paid."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from billing.models import Tax
from billing.quotes import DiscountTerms, QuotedTax, TaxTerms
from core.models import StreamHead
from core.money import format_money, validate_currency

if TYPE_CHECKING:
    from orders.models.payment import Payment


def terms_of(taxes: Iterable[Tax]) -> tuple[TaxTerms, ...]:
    """In their one order."""
    return tuple(sorted((tax.terms for tax in taxes), key=lambda terms: terms.tax))


class Item(models.Model):
    """Something for sale. `price` is in minor units of `currency`."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    price = models.PositiveBigIntegerField(
        validators=[MinValueValidator(1)], help_text="In minor units: 1050 is $10.50."
    )
    currency = models.CharField(max_length=3, default="usd", validators=[validate_currency])
    taxes = models.ManyToManyField(
        Tax, blank=True, related_name="items", help_text="What an order of this item is taxed with."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def tax_terms(self) -> tuple[TaxTerms, ...]:
        return terms_of(self.taxes.all())

    @property
    def price_text(self) -> str:
        return format_money(self.price, self.currency)


class OrderState(models.TextChoices):
    DRAFT = "draft", _("draft")
    PENDING = "pending", _("pending")
    PAID = "paid", _("paid")
    PARTIALLY_REFUNDED = "partially_refunded", _("partially refunded")
    REFUNDED = "refunded", _("refunded")
    CANCELED = "canceled", _("canceled")


# What an order is once it was paid, however much of that was given back.
SETTLED_STATES = (OrderState.PAID, OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED)


class DisputeState(models.TextChoices):
    NONE = "none", _("none")
    OPEN = "open", _("open")
    WON = "won", _("won")
    LOST = "lost", _("lost")


class Attention(models.TextChoices):
    """Why a person should look at an order."""

    SURPLUS = "surplus", _("more money came in than is due")
    UNDERPAID = "underpaid", _("less money came in than is due")
    UNCOUNTED = "uncounted", _("money came in that can't be counted: wrong currency or mode")
    DISPUTED = "disputed", _("the shopper's bank wants the money back; evidence is due")
    IN_REVIEW = "in_review", _("Stripe holds a payment for review")
    REFUND_FAILED = "refund_failed", _("a refund did not reach the shopper")
    QUOTE_MISMATCHED = "quote_mismatched", _("Stripe would have charged another amount than we quoted")


# What the list of orders is filtered by, beside what its indexes are entered by.
LISTED_BY = ["state", "dispute_state", "currency", "account", "total"]


class Order(StreamHead):
    """One order: the fold of `order-<id>`. Amounts in minor units; `received` counts verified money only.

    `buy_item_id` is the item of an order made by its Buy button. While such an order waits for payment its shopper
    has no second one of the same item: a double click or a second tab finds the first. A draft without it is its
    shopper's basket. `discount_terms` holds a DiscountTerms. `language` is one of settings.LANGUAGES: what we write to
    the shopper is in it. Signed links (orders/links.py) open the page while they are of the `link_generation` of now.
    """

    stream_prefix = "order"

    shopper_id = models.CharField(max_length=64)
    account = models.CharField(_("account"), max_length=64)
    livemode = models.BooleanField(default=False)
    currency = models.CharField(max_length=3)
    discount_terms = models.JSONField(null=True)
    buy_item_id = models.BigIntegerField(null=True)
    state = FSMField(_("state"), max_length=20, choices=OrderState, default=OrderState.DRAFT, protected=True)
    dispute_state = models.CharField(_("dispute"), max_length=16, choices=DisputeState, default=DisputeState.NONE)
    attention = models.JSONField(default=list)
    subtotal = models.BigIntegerField(default=0)
    discount = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    received = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    surplus = models.BigIntegerField(default=0)
    drafted_at = models.DateTimeField(null=True)
    placed_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)
    language = models.CharField(max_length=8, default="en", db_default="en")
    link_generation = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("order"), _("orders")
        permissions = [
            ("act_on_order", "Can act on orders: refund up to the limit, cancel, note"),
            ("refund_above_limit", "Can refund any amount, and approve what others may not refund alone"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["shopper_id", "buy_item_id"],
                condition=Q(state__in=[OrderState.DRAFT, OrderState.PENDING]),
                name="orders_one_open_purchase",
            ),
            models.UniqueConstraint(
                fields=["shopper_id"],
                condition=Q(state=OrderState.DRAFT, buy_item_id=None),
                name="orders_one_basket",
            ),
        ]
        # What each is for: docs/decisions/0014-lists-at-a-million-rows.md. A change of `state` writes to all of them.
        indexes = [
            models.Index(fields=["state", "-id"], name="orders_order_state"),
            models.Index(
                fields=["-id"],
                name="orders_order_attention",
                condition=~Q(attention=[]),
                include=["attention", *LISTED_BY, "placed_at"],
            ),
            models.Index(
                fields=["dispute_state", "-id"], name="orders_order_dispute", condition=~Q(dispute_state="none")
            ),
            models.Index(
                fields=["placed_at"], name="orders_order_waiting", condition=Q(state=OrderState.PENDING)
            ),  # what cancel_stale_orders looks for
            # Whatever filters are combined, also those that match nothing, one of these two answers alone.
            models.Index(fields=["-id"], name="orders_order_listed", include=[*LISTED_BY, "placed_at"]),
            models.Index(fields=["-placed_at", "-id"], name="orders_order_placed", include=LISTED_BY),
            # What is rare is found at once; what is frequent is met soon on the way down the two above.
            models.Index(fields=["account", "currency", "-id"], name="orders_order_account", include=["state"]),
            models.Index(fields=["currency", "-id"], name="orders_order_currency", include=["state", "total"]),
            models.Index(fields=["currency", "total"], name="orders_order_amount"),
        ]

    def __str__(self) -> str:
        return gettext("Order %(number)s") % {"number": self.pk}

    @property
    def due(self) -> int:
        return 0 if self.state == OrderState.CANCELED else self.total

    @property
    def discount_applied(self) -> DiscountTerms | None:
        return msgspec.convert(self.discount_terms, DiscountTerms | None)

    def counts(self, payment: "Payment") -> bool:
        """Whether this money is verified: of the order's own account, mode and currency."""
        theirs = (payment.account, payment.livemode, payment.currency)
        return theirs == (self.account, self.livemode, self.currency)

    @transition(field=state, source=OrderState.DRAFT, target=OrderState.PENDING)
    def place(self, at: datetime) -> None:
        self.placed_at = at

    @transition(field=state, source=OrderState.PENDING, target=OrderState.PAID)
    def pay(self, at: datetime) -> None:
        self.paid_at = at

    @transition(field=state, source=SETTLED_STATES, target=OrderState.PAID)
    def refund_nothing(self) -> None:
        """The refunds failed: the money is ours again."""

    @transition(field=state, source=SETTLED_STATES, target=OrderState.PARTIALLY_REFUNDED)
    def refund_partially(self) -> None:
        """Some of the total was given back."""

    @transition(field=state, source=SETTLED_STATES, target=OrderState.REFUNDED)
    def refund_fully(self) -> None:
        """All that came in was given back."""

    @transition(field=state, source=[OrderState.DRAFT, OrderState.PENDING], target=OrderState.CANCELED)
    def cancel(self, at: datetime) -> None:
        self.canceled_at = at


class OrderLine(models.Model):
    """One item of an order; its key is `<order>-<item>`. `taxes` holds a QuotedTax each, of amount 0 in a draft.

    `refunded` is what succeeded refunds gave back of this line, as far as somebody said which line they are of.
    """

    id = models.CharField(primary_key=True, max_length=64)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    # The index below takes the place of Django's own.
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    unit_amount = models.BigIntegerField()
    taxes = models.JSONField(default=list)
    subtotal = models.BigIntegerField(default=0)
    discount = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    # The database's defaults serve processes of the version before, while a new one is being rolled out.
    refunded = models.BigIntegerField(default=0, db_default=0)
    refunded_quantity = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        # The orders with an item, newest first.
        indexes = [models.Index(fields=["item", "-order"], name="orders_line_item")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.name}"

    @property
    def quoted_taxes(self) -> tuple[QuotedTax, ...]:
        return msgspec.convert(self.taxes, tuple[QuotedTax, ...])

    @property
    def tax_terms(self) -> tuple[TaxTerms, ...]:
        return tuple(tax.terms for tax in self.quoted_taxes)


class CheckoutState(models.TextChoices):
    OPEN = "open", _("open")
    COMPLETED = "completed", _("completed")
    EXPIRED = "expired", _("expired")
    CANCELED = "canceled", _("canceled")


class Checkout(models.Model):
    """One attempt to let the shopper pay: a hosted Session of Stripe, or a PaymentIntent on our own page; its key is
    `<order>-<attempt>`.
    """

    id = models.CharField(primary_key=True, max_length=64)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="checkouts")
    attempt = models.PositiveIntegerField()
    call_id = models.CharField(max_length=36, blank=True)
    session_id = models.CharField(max_length=255, blank=True)
    payment_intent = models.CharField(max_length=255, blank=True)
    url = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=CheckoutState, default=CheckoutState.OPEN)
    expires_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # Found by whole ids, in the search of orders.
            models.Index(fields=["session_id"], name="orders_checkout_session", condition=~Q(session_id="")),
            models.Index(fields=["payment_intent"], name="orders_checkout_intent", condition=~Q(payment_intent="")),
            # The list by state; most are completed, and met soon without it.
            models.Index(
                fields=["state", "-order", "id"],
                name="orders_checkout_state",
                condition=~Q(state=CheckoutState.COMPLETED),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of order {self.order_id}"

    @property
    def object_id(self) -> str:
        """What stands at Stripe for this attempt."""
        return self.session_id or self.payment_intent

    @property
    def is_session(self) -> bool:
        return bool(self.session_id)


class StateCount(models.Model):
    """How many orders are in a state: what the projection `orders.states` writes."""

    state = models.CharField(primary_key=True, max_length=20, choices=OrderState)
    count = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.count} {self.state}"
