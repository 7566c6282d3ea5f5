"""What is sold at another price, the mirrors of it at Stripe, and the journal of calls.

Discount and Tax are edited; all other rows change by events alone.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from billing.quotes import DiscountTerms, TaxTerms
from core.models import StreamHead
from core.money import format_money, validate_currency

# docs.stripe.com/api/coupons/update, `name`
COUPON_NAME_LENGTH = 40
# Not documented; what Stripe refuses shows as the reason of the failed sync.
TAX_RATE_LABEL_LENGTH = 50
DISCOUNT_CODE = re.compile(r"[A-Za-z0-9_-]+")


class CallState(models.TextChoices):
    REQUESTED = "requested", _("requested")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")


OPEN_STATES = (CallState.REQUESTED, CallState.UNKNOWN)


class StripeCall(StreamHead):
    """One call to Stripe, from intent to outcome: the fold of its stream. Its id is its idempotency key."""

    stream_prefix = "stripe-call"

    id = models.UUIDField(primary_key=True)
    account = models.CharField(max_length=64)
    operation = models.CharField(max_length=64)
    target = models.CharField(max_length=255, blank=True)
    body = models.JSONField(default=dict)
    subject = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=16, choices=CallState, default=CallState.REQUESTED)
    reason = models.CharField(max_length=255, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    object_id = models.CharField(max_length=255, blank=True)
    requested_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "Stripe call"
        indexes = [
            models.Index(fields=["subject", "requested_at"], name="billing_call_subject"),
            models.Index(fields=["requested_at"], name="billing_call_open", condition=models.Q(state__in=OPEN_STATES)),
            # The list, all of it and by its filters; most calls succeed, and are met soon without an index of them.
            models.Index(fields=["-requested_at", "-id"], name="billing_call_requested"),
            models.Index(
                fields=["state", "-requested_at", "-id"],
                name="billing_call_state",
                condition=~models.Q(state=CallState.SUCCEEDED),
            ),
            models.Index(fields=["account", "-requested_at", "-id"], name="billing_call_account"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class CounterpartState(models.TextChoices):
    PENDING = "pending", _("pending")
    SYNCED = "synced", _("synced")
    FAILED = "failed", _("failed")
    RETIRED = "retired", _("retired")


class Mirror(StreamHead):
    """What was asked of Stripe for one Discount or Tax: the fold of its stream. It outlives the row that it mirrors.

    `terms` are the last version's, as DiscountTerms or TaxTerms have them; `installation` tells our objects at Stripe
    from those of another installation on the same account.
    """

    id = models.BigIntegerField(primary_key=True)
    installation = models.CharField(max_length=16)
    version = models.PositiveIntegerField(default=0)
    terms = models.JSONField(default=dict)
    is_deleted = models.BooleanField(default=False)
    requested_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Counterpart(models.Model):
    """One version at one Stripe account; its key is `<mirror>-<version>-<account>`.

    `terms` are what Stripe can't edit and `labels` what it can, both as parameters of Stripe's; `told` are the labels
    that Stripe was told last. `object_id` is the newest object made for it, which is there while `is_live`;
    `generation` counts the objects that were asked for. A version that is not `is_current` is needed until
    `needed_until` by the checkout of an order that was placed with it.
    """

    id = models.CharField(primary_key=True, max_length=120)
    version = models.PositiveIntegerField()
    account = models.CharField(max_length=64)
    terms = models.JSONField(default=dict)
    labels = models.JSONField(default=dict)
    told = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=CounterpartState, default=CounterpartState.PENDING)
    reason = models.CharField(max_length=255, blank=True)
    object_id = models.CharField(max_length=255, blank=True)
    is_live = models.BooleanField(default=False)
    generation = models.PositiveIntegerField(default=0)
    is_current = models.BooleanField(default=False)
    needed_until = models.DateTimeField(null=True)
    requested_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.object_id or self.id

    def is_needed(self, at: datetime) -> bool:
        return self.is_current or (self.needed_until is not None and self.needed_until > at)


class DiscountMirror(Mirror):
    stream_prefix = "discount"

    def __str__(self) -> str:
        return f"Discount {self.pk}"


class TaxMirror(Mirror):
    stream_prefix = "tax"

    jurisdiction = models.CharField(max_length=TAX_RATE_LABEL_LENGTH, blank=True)
    country = models.CharField(max_length=2, blank=True)

    class Meta:
        verbose_name = "tax mirror"

    def __str__(self) -> str:
        return f"Tax {self.pk}"


class Coupon(Counterpart):
    mirror = models.ForeignKey(DiscountMirror, on_delete=models.CASCADE, related_name="counterparts")

    class Meta:
        indexes = [models.Index(fields=["account", "object_id"], name="billing_coupon_object")]


class TaxRate(Counterpart):
    mirror = models.ForeignKey(TaxMirror, on_delete=models.CASCADE, related_name="counterparts")

    class Meta:
        indexes = [models.Index(fields=["account", "object_id"], name="billing_tax_rate_object")]


class Mirrored(models.Model):
    """A row that has counterparts at Stripe, made under its `version`.

    The version goes up when the terms change, which Stripe can't edit, and not for a change of name. Rows are saved and
    deleted inside a transaction, so that what the receivers of the signals do is part of it.
    """

    version = models.PositiveIntegerField(default=1, editable=False)

    mirror_model: ClassVar[type[Mirror]]
    terms_fields: ClassVar[tuple[str, ...]]

    class Meta:
        abstract = True

    def save(
        self,
        *,
        force_insert: bool | tuple[Any, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Raises ValidationError too: the terms in the log must be those that the columns can hold."""
        self.clean_fields()
        self.clean()
        with transaction.atomic():
            self.version = self._next_version()
            super().save(
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=update_fields if update_fields is None else {*update_fields, "version"},
            )

    def delete(self, using: Any | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:  # noqa: FBT001, FBT002 Django's signature
        with transaction.atomic():
            return super().delete(using=using, keep_parents=keep_parents)

    @property
    def terms(self) -> DiscountTerms | TaxTerms:
        raise NotImplementedError

    def _next_version(self) -> int:
        """The stored row is locked: two who change the terms at once get a version each."""
        rows = type(self)._default_manager
        stored = rows.select_for_update().filter(pk=self.pk).first() if self.pk else None
        if stored is None:
            # A key that was used before: its stream goes on.
            mirror = self.mirror_model._default_manager.filter(pk=self.pk).first() if self.pk else None
            return mirror.version + 1 if mirror else 1
        return stored.version + any(getattr(self, name) != getattr(stored, name) for name in self.terms_fields)


class Discount(Mirrored):
    """Money off an order: a percentage, or an amount in minor units of `currency`.

    `code` is what a shopper types, upper-case; without one only staff can give this discount.
    """

    name = models.CharField(max_length=COUPON_NAME_LENGTH, help_text="Shoppers see it at Stripe's checkout.")
    code = models.CharField(
        max_length=40,
        null=True,
        blank=True,
        validators=[RegexValidator(rf"^{DISCOUNT_CODE.pattern}\Z", "Letters, digits, - and _ only.")],
        help_text="What a shopper types, in upper or lower case.",
    )
    percent_off = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(100)],
        help_text="15 is 15 % off.",
    )
    amount_off = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="In minor units: 500 is $5.00."
    )
    currency = models.CharField(
        max_length=3, null=True, blank=True, validators=[validate_currency], help_text="Of the amount off."
    )

    mirror_model = DiscountMirror
    terms_fields = ("percent_off", "amount_off", "currency")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                name="billing_discount_code",
                violation_error_message="Another discount has this code.",
            ),
            models.CheckConstraint(condition=Q(code=Upper("code")), name="billing_discount_code_upper"),
            models.CheckConstraint(
                # A comparison with NULL is neither true nor false, which a constraint lets pass: so isnull as well.
                condition=Q(percent_off__isnull=False, percent_off__gt=0, percent_off__lte=100)
                & Q(amount_off=None, currency=None)
                | Q(amount_off__isnull=False, amount_off__gt=0, currency__isnull=False, percent_off=None),
                name="billing_discount_percent_or_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> DiscountTerms:
        return DiscountTerms(
            discount=self.pk,
            version=self.version,
            name=self.name,
            percent_off=None if self.percent_off is None else plain(self.percent_off),
            amount_off=self.amount_off,
            currency=self.currency,
        )

    @property
    def off_text(self) -> str:
        """`15 %` or `$5.00`."""
        if self.amount_off is not None and self.currency is not None:
            return format_money(self.amount_off, self.currency)
        return "-" if self.percent_off is None else f"{plain(self.percent_off)} %"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self.code = spelled_code(self.code or "") or None
        self.currency = self.currency or None
        super().clean_fields(exclude=exclude)

    def clean(self) -> None:
        if (self.percent_off is None) == (self.amount_off is None):
            raise ValidationError({"percent_off": _("Give a percentage or an amount, and not both.")})
        if (self.amount_off is None) != (self.currency is None):
            raise ValidationError({"currency": _("An amount has a currency, a percentage has none.")})


class Tax(Mirrored):
    """A tax on the lines of orders: `percentage` of the price, in which it is included or on top of which it comes.

    `name` is what Stripe calls the display name; `country` is an ISO 3166 code in upper case.
    """

    name = models.CharField(max_length=TAX_RATE_LABEL_LENGTH, help_text="Shoppers see it at Stripe's checkout: VAT.")
    percentage = models.DecimalField(
        max_digits=7, decimal_places=4, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    inclusive = models.BooleanField(default=False, help_text="It is part of the prices; else it comes on top of them.")
    jurisdiction = models.CharField(
        max_length=TAX_RATE_LABEL_LENGTH, blank=True, help_text="Whose tax it is: California."
    )
    country = models.CharField(
        max_length=2,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{2}\Z", "Two letters, such as DE.")],
        help_text="Two letters, such as DE.",
    )

    mirror_model = TaxMirror
    terms_fields = ("percentage", "inclusive")

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "taxes"
        constraints = [
            models.CheckConstraint(condition=Q(percentage__gte=0, percentage__lte=100), name="billing_tax_percentage"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> TaxTerms:
        return TaxTerms(
            tax=self.pk,
            version=self.version,
            name=self.name,
            percentage=plain(self.percentage),
            inclusive=self.inclusive,
        )

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self.country = self.country.upper()
        super().clean_fields(exclude=exclude)


def spelled_code(code: str) -> str:
    """A discount's code as it is stored."""
    return code.strip().upper()


def plain(percentage: Decimal) -> str:
    """`Decimal("15.00")` -> `15`, as facts hold it."""
    return format(percentage.normalize(), "f")


class StripeIdentity(models.Model):
    """Which account of Stripe's (`acct_…`) an account of the settings is, as Stripe last said."""

    account = models.CharField(primary_key=True, max_length=64)
    stripe_id = models.CharField(max_length=255)
    read_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "stripe identities"

    def __str__(self) -> str:
        return f"{self.account} is {self.stripe_id}"
