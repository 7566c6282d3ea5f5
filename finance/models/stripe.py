"""Stripe's own books, as they were read.

Amounts are integer minor units of `currency`.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import StreamHead


class BalanceTransaction(StreamHead):
    """One line of Stripe's own books: the fold of `balance-transaction-<id>`.

    `source` is the object that moved the money (ch_, re_, du_, po_ …). `exchange_rate` is Stripe's decimal, '' without
    exchange. `payout` is the payout that took it along, '' while none did or where Stripe doesn't say (manual ones).
    `itemized_fee` is the sum of Stripe's `fee_details`; `first_fee` is what that was when it was first read, and
    `first_net` what is left of the amount then. What Stripe lists no more (`is_listed`) doesn't count.
    """

    stream_prefix = "balance-transaction"

    id = models.CharField(primary_key=True, max_length=255)
    account = models.CharField(_("account"), max_length=64)
    livemode = models.BooleanField()
    type = models.CharField(max_length=64)
    category = models.CharField(max_length=64)
    source = models.CharField(max_length=255, blank=True, db_index=True)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    net = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    exchange_rate = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    available_at = models.DateTimeField()
    payout = models.CharField(max_length=255, blank=True, db_index=True)
    first_fee = models.BigIntegerField()
    first_net = models.BigIntegerField()
    itemized_fee = models.BigIntegerField(null=True)
    is_listed = models.BooleanField(default=True)
    read_at = models.DateTimeField()

    class Meta:
        verbose_name, verbose_name_plural = _("line of Stripe's books"), _("lines of Stripe's books")
        indexes = [models.Index(fields=["account", "-created_at"], name="finance_transaction_created")]

    def __str__(self) -> str:
        return self.id


class Payout(StreamHead):
    """Money that Stripe sent to the bank: the fold of `payout-<id>`.

    What an automatic one took along was read at `itemized_at`: `item_count` balance transactions of `item_net`.
    """

    stream_prefix = "payout"

    id = models.CharField(primary_key=True, max_length=255)
    account = models.CharField(_("account"), max_length=64)
    livemode = models.BooleanField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=32)
    is_automatic = models.BooleanField()
    balance_transaction = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    arrives_at = models.DateTimeField()
    method = models.CharField(max_length=32, default="standard")
    reconciliation_status = models.CharField(max_length=32, default="completed")
    itemized_at = models.DateTimeField(null=True)
    item_count = models.PositiveIntegerField(default=0)
    item_net = models.BigIntegerField(default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("payout"), _("payouts")
        indexes = [
            models.Index(fields=["account", "-created_at"], name="finance_payout_created"),
            models.Index(
                fields=["account"],
                name="finance_payout_unread",
                condition=models.Q(is_automatic=True, itemized_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class BooksCursor(models.Model):
    """How far Stripe's books were read. While a reading is under way, where it is: the last page that was stored ended
    with `reading_after`. `problem` is why the last run stopped, as Stripe or we call it.
    """

    account = models.CharField(primary_key=True, max_length=64)
    livemode = models.BooleanField()
    read_until = models.DateTimeField(null=True)
    payouts_read_until = models.DateTimeField(null=True)
    reading_since = models.DateTimeField(null=True)
    reading_started = models.DateTimeField(null=True)
    reading_after = models.CharField(max_length=255, blank=True)
    problem = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "cursor of Stripe's books"
        verbose_name_plural = "cursors of Stripe's books"

    def __str__(self) -> str:
        return self.account
