"""Stripe's books and ours compared.

Amounts are integer minor units of their currency.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import StreamHead


class Moved(models.TextChoices):
    """What a line of Stripe's books is compared with; the sums of `other` stand there alone."""

    PAYMENT = "payment", _("payment")
    REFUND = "refund", _("refund")
    DISPUTE = "dispute", _("dispute")
    PAYOUT = "payout", _("payout")
    OTHER = "other", _("other")


class ExceptionKind(models.TextChoices):
    """How Stripe's books and ours disagree."""

    OURS_WITHOUT_THEIRS = "ours_without_theirs", _("in our books, not in Stripe's")
    THEIRS_WITHOUT_OURS = "theirs_without_ours", _("in Stripe's books, not in ours")
    AMOUNT_DIFFERS = "amount_differs", _("the amounts differ")
    FEE_DIFFERS = "fee_differs", _("the fee differs")
    PAYOUT_DIFFERS = "payout_differs", _("the payout differs")


class Reconciliation(StreamHead):
    """Stripe's books and ours compared, by account: the fold of `reconciliation-<account>`.

    `until` is how far Stripe's books had been read at the last run; `matched` and `exceptions` are its counts.
    """

    stream_prefix = "reconciliation"

    account = models.CharField(primary_key=True, max_length=64)
    livemode = models.BooleanField(default=False)
    ran_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    matched = models.PositiveBigIntegerField(default=0)
    exceptions = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("reconciliation")

    def __str__(self) -> str:
        return self.account


class ReconciliationException(models.Model):
    """One object of which the two disagree, open until `settled_at`; its key is `<account>-<kind>-<object>`.

    Amounts are signed and None where that side has nothing. `month` is `2026-11`. An object of the other mode has an
    id of its own, so `livemode` is not in the key.
    """

    id = models.CharField(primary_key=True, max_length=400)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="exception_set")
    livemode = models.BooleanField()
    kind = models.CharField(_("kind"), max_length=32, choices=ExceptionKind)
    object_id = models.CharField(_("object at Stripe"), max_length=255)
    movement = models.CharField(max_length=16, choices=Moved)
    our_amount = models.BigIntegerField(null=True)
    our_currency = models.CharField(max_length=3, blank=True)
    their_amount = models.BigIntegerField(null=True)
    their_currency = models.CharField(max_length=3, blank=True)
    order_id = models.BigIntegerField(null=True, db_index=True)
    month = models.CharField(_("month"), max_length=7)
    payout = models.CharField(max_length=255, blank=True, db_index=True)
    found_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("exception")
        indexes = [
            models.Index(fields=["-found_at"], name="finance_exception_open", condition=models.Q(settled_at=None)),
            models.Index(fields=["reconciliation", "month", "-found_at"], name="finance_exception_month"),
            models.Index(fields=["-found_at", "-id"], name="finance_exception_found"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.object_id}"


class MatchedMonth(models.Model):
    """What agrees of one month and kind of movement; its key is `<account>-<mode>-<month>-<currency>-<movement>`."""

    id = models.CharField(primary_key=True, max_length=128)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="months")
    livemode = models.BooleanField()
    month = models.CharField(max_length=7)
    currency = models.CharField(max_length=3)
    movement = models.CharField(max_length=16, choices=Moved)
    count = models.PositiveIntegerField()
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    net = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.month} {self.movement}"


class MatchedPayout(models.Model):
    """The balance around one payout, whose id is the key: `before` + `came` - `amount` = `after`.

    `came` is what became available since the payout before it, money of failed payouts included. `items` is what the
    transactions of an automatic one sum to.
    """

    id = models.CharField(primary_key=True, max_length=255)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="payouts")
    livemode = models.BooleanField()
    currency = models.CharField(max_length=3)
    before = models.BigIntegerField()
    came = models.BigIntegerField()
    amount = models.BigIntegerField()
    after = models.BigIntegerField()
    items = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.id
