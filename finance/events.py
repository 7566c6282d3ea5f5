"""The facts of finance. Amounts are integer minor units; times of Stripe's are Unix seconds."""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("balance_transaction.recorded")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionRecorded:
    """A line of Stripe's books, as it was first read. Source: docs.stripe.com/api/balance_transactions/object.

    `category` is Stripe's `reporting_category`; `exchange_rate` its decimal, as text, '' where nothing was exchanged.
    `itemized_fee` is the sum of its `fee_details`.
    """

    account: str
    livemode: bool
    type: str
    category: str
    source: str
    amount: int
    fee: int
    net: int
    currency: str
    exchange_rate: str
    created: int
    available_on: int
    itemized_fee: int | None = None


@fact("balance_transaction.changed")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionChanged:
    """Stripe says another amount or fee than before, which it never should."""

    amount: int
    fee: int
    net: int
    itemized_fee: int | None = None


@fact("balance_transaction.vanished")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionVanished:
    """Stripe lists it no more, which should never be: it counts no more either."""


@fact("balance_transaction.reappeared")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionReappeared:
    """Stripe lists it again."""


@fact("balance_transaction.paid_out")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionPaidOut:
    """An automatic payout took it along."""

    payout: str


@fact("payout.updated")
@dataclass(frozen=True, kw_only=True)
class PayoutUpdated:
    """What Stripe says of a payout. Source: docs.stripe.com/api/payouts/object."""

    account: str
    livemode: bool
    amount: int
    currency: str
    status: str
    is_automatic: bool
    balance_transaction: str
    created: int
    arrival_date: int
    method: str = "standard"
    reconciliation_status: str = "completed"


@fact("payout.itemized")
@dataclass(frozen=True, kw_only=True)
class PayoutItemized:
    """All that an automatic payout took along was read: so many balance transactions, and what they sum to, net."""

    count: int
    net: int


@fact("reconciliation.run")
@dataclass(frozen=True, kw_only=True)
class ReconciliationRun:
    """Stripe's books and ours were compared: how many objects agreed and how many exceptions are open since.

    `until` is up to when Stripe's books had been read, in Unix seconds.
    """

    livemode: bool
    until: int
    matched: int
    exceptions: int


@fact("reconciliation.month_matched")
@dataclass(frozen=True, kw_only=True)
class MonthMatched:
    """What agrees of a month and kind of movement, signed sums of Stripe's books; told when it is another than before.

    `movement` is payment, refund, dispute or payout, or `other`: what Stripe does on its own, which is summed alone.
    """

    livemode: bool
    month: str
    currency: str
    movement: str
    count: int
    amount: int
    fee: int
    net: int


@fact("reconciliation.payout_matched")
@dataclass(frozen=True, kw_only=True)
class PayoutMatched:
    """The balance around a payout: before, what became available since the one before it, what was left after.

    `items` is what the transactions that an automatic one took along sum to, net; None for a manual one.
    """

    livemode: bool
    payout: str
    currency: str
    before: int
    came: int
    amount: int
    after: int
    items: int | None


@fact("reconciliation.exception_found")
@dataclass(frozen=True, kw_only=True)
class ExceptionFound:
    """Stripe's books and ours say different things of one object, or its figures are others than they were.

    Amounts are signed, in their own currencies, and None where that side has nothing.
    """

    livemode: bool
    kind: str
    object_id: str
    movement: str
    our_amount: int | None
    our_currency: str
    their_amount: int | None
    their_currency: str
    order_id: int | None
    month: str
    payout: str


@fact("reconciliation.exception_settled")
@dataclass(frozen=True, kw_only=True)
class ExceptionSettled:
    """The two agree again."""

    livemode: bool
    kind: str
    object_id: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What the books of a month say of one ledger account: sums of its debits and credits."""

    account: str
    livemode: bool
    currency: str
    ledger_account: str
    debit: int
    credit: int


@fact("month.closed")
@dataclass(frozen=True, kw_only=True)
class MonthClosed:
    """Nothing more is booked into this month; `after` is how far the log was booked then."""

    after: tuple[int, int, int]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class ExportFilter:
    """One parameter of the list that was exported; a value that might be about a person is `(text)`."""

    name: str
    value: str


@fact("export.begun")
@dataclass(frozen=True, kw_only=True)
class ExportBegun:
    """Somebody takes rows out: `of` is what (`orders`, `ledger`), `format` `csv` or `xlsx`, `person` a user's id."""

    of: str
    format: str
    person: int
    filters: tuple[ExportFilter, ...]


@fact("export.made")
@dataclass(frozen=True, kw_only=True)
class ExportMade:
    """All rows were written."""

    rows: int


@fact("export.broken_off")
@dataclass(frozen=True, kw_only=True)
class ExportBrokenOff:
    """Whoever asked for it went away, or it failed, after so many rows."""

    rows: int
