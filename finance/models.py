"""What finance works with: the ledger and its months, Stripe's own books beside it, and figures by day.

Amounts are integer minor units of `currency`. `account` is a Stripe account of the settings.
"""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import StreamHead


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


class Month(StreamHead):
    """The books of one month, `2026-11`, once they are closed: the fold of `month-<id>`.

    `after` is the place of the projection (a core.eventlog.tail.Cursor) at that moment: what it books later is an
    adjustment. `figures` are the sums then, as finance.events.MonthClosed has them.
    """

    stream_prefix = "month"

    id = models.CharField(primary_key=True, max_length=7)
    after = ArrayField(models.BigIntegerField(), size=3, null=True)
    figures = models.JSONField(default=list)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("month"), _("months")
        permissions = [("close_month", "Can close the books of a month")]

    def __str__(self) -> str:
        return self.id

    @property
    def first_day(self) -> date:
        return date.fromisoformat(f"{self.id}-01")


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


class ExportState(models.TextChoices):
    BEGUN = "begun", _("begun")
    MADE = "made", _("made")
    BROKEN_OFF = "broken_off", _("broken off")


class ExportRecord(StreamHead):
    """What somebody took out of the admin: the fold of `export-<id>`.

    `of` is a name of finance.exports.resources.exports, `person` a user's id, `filters` those of the list, by name.
    """

    stream_prefix = "export"

    id = models.UUIDField(primary_key=True)
    of = models.CharField(max_length=32)
    format = models.CharField(max_length=8)
    person = models.BigIntegerField(null=True)
    filters = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=ExportState, default=ExportState.BEGUN)
    rows = models.BigIntegerField(null=True)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "export"
        indexes = [models.Index(fields=["-begun_at"], name="finance_export_begun")]

    def __str__(self) -> str:
        return f"{self.of}.{self.format}"
