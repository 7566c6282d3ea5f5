"""The ledger, how far it is booked, and figures by day: what the projection `finance.books` writes.

Amounts are integer minor units of `currency`. `account` is a Stripe account of the settings.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerAccount(models.TextChoices):
    """The books' accounts. A debit of `cash` is money that came to Stripe's balance."""

    SALES = "sales", _("Sales")
    RECEIVABLE = "receivable", _("Receivable")
    CASH = "cash", _("Cash at Stripe")
    FEES = "fees", _("Fees")
    REFUNDS = "refunds", _("Refunds")
    DISPUTES = "disputes", _("Disputes")
    EXCHANGE = "exchange", _("Exchange")
    BANK = "bank", _("Bank")
    UNMATCHED = "unmatched", _("Unmatched")


class Movement(models.TextChoices):
    """Why money moved; a reversal is the same movement with debit and credit changed over."""

    SALE = "sale", _("sale")
    PAYMENT = "payment", _("payment")
    REFUND = "refund", _("refund")
    SURPLUS_RETURNED = "surplus_returned", _("surplus returned")
    DISPUTE = "dispute", _("dispute")
    FEE = "fee", _("fee")
    EXCHANGE = "exchange", _("exchange")
    PAYOUT = "payout", _("payout")
    UNMATCHED = "unmatched", _("not of our orders")


class LedgerLine(models.Model):
    """One movement of money, double entry: `amount` (above 0) goes to `debit` and from `credit`.

    `object_id` is Stripe's object that moved it (pi_, re_, du_, txn_, po_), or `order-<id>` for a sale. `position` is
    the event that told of it, `number` tells apart the lines of one event. `happened_at` is when it happened at
    Stripe, as far as that was told, else when it was recorded. `month` is the first day of the month in whose books
    the line stands; an adjustment is about a month that was closed already, and stands in a later one.
    """

    id = models.BigAutoField(primary_key=True)
    position = models.BigIntegerField()
    number = models.PositiveSmallIntegerField()
    order_id = models.BigIntegerField(null=True, db_index=True)
    account = models.CharField(_("account"), max_length=64)
    livemode = models.BooleanField()
    movement = models.CharField(_("movement"), max_length=20, choices=Movement)
    object_id = models.CharField(_("object at Stripe"), max_length=255, db_index=True)
    debit = models.CharField(max_length=16, choices=LedgerAccount)
    credit = models.CharField(max_length=16, choices=LedgerAccount)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    happened_at = models.DateTimeField()
    month = models.DateField()
    is_adjustment = models.BooleanField(_("adjustment"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("ledger line"), _("ledger lines")
        constraints = [
            models.UniqueConstraint(fields=["position", "number"], name="finance_one_line_of_an_event"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="finance_amount_above_0"),
        ]
        indexes = [
            models.Index(fields=["month", "id"], name="finance_line_month"),
            models.Index(fields=["account", "id"], name="finance_line_account"),
            models.Index(fields=["currency", "id"], name="finance_line_currency"),
            models.Index(fields=["movement", "id"], name="finance_line_movement"),
            models.Index(
                fields=["month", "id"], name="finance_line_adjustment", condition=models.Q(is_adjustment=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.movement} {self.object_id}"


class OrderBooks(models.Model):
    """How far an order's stream has been booked: up to this version of it."""

    order_id = models.BigIntegerField(primary_key=True)
    version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"order {self.order_id} up to {self.version}"


class BookedObject(models.Model):
    """An object of Stripe's (pi_, ch_, re_, du_) that an order's events told of, and what they moved through it.

    `cash` lists `[account, livemode, currency, amount]`, below 0 where money went out; `currency` is the one last told.
    A charge moves nothing by itself: it stands for its `payment_intent`.
    """

    object_id = models.CharField(primary_key=True, max_length=255)
    order_id = models.BigIntegerField(null=True, db_index=True)
    payment_intent = models.CharField(max_length=255, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    cash = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.object_id


class BookedTransaction(models.Model):
    """A balance transaction as it is booked, up to this version of its stream: under the object that moved the money,
    which is its `source`, or the PaymentIntent of that charge.
    """

    id = models.CharField(primary_key=True, max_length=255)
    version = models.PositiveIntegerField(default=0)
    object_id = models.CharField(max_length=255, db_index=True)
    source = models.CharField(max_length=255, blank=True)
    account = models.CharField(max_length=64)
    livemode = models.BooleanField()
    type = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    is_listed = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.id


class DaySummary(models.Model):
    """What happened on one day (UTC) with the orders of one account and currency.

    Orders are counted, `…_amount` is money. A refund that failed later, or a dispute that was won, lessens the amount
    of the day on which that was learnt. `delays` counts, by `finance.delays.bucket_of`, the times from placed to paid.
    """

    day = models.DateField()
    account = models.CharField(max_length=64)
    livemode = models.BooleanField()
    currency = models.CharField(max_length=3)
    drafted = models.PositiveIntegerField(default=0)
    placed = models.PositiveIntegerField(default=0)
    paid = models.PositiveIntegerField(default=0)
    canceled = models.PositiveIntegerField(default=0)
    paid_amount = models.BigIntegerField(default=0)
    refunded_amount = models.BigIntegerField(default=0)
    disputed_amount = models.BigIntegerField(default=0)
    delays = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "account", "livemode", "currency"], name="finance_one_summary"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.account} {self.currency}"
