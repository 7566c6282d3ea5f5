"""The facts of finance. Amounts are integer minor units; times of Stripe's are Unix seconds."""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("balance_transaction.recorded")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionRecorded:
    """A line of Stripe's books, as it was first read. Source: docs.stripe.com/api/balance_transactions/object.

    `category` is Stripe's `reporting_category`; `exchange_rate` its decimal, as text, '' where nothing was exchanged.
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


@fact("balance_transaction.changed")
@dataclass(frozen=True, kw_only=True)
class BalanceTransactionChanged:
    """Stripe says another amount or fee than before, which it never should."""

    amount: int
    fee: int
    net: int


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
    """One parameter of the list that was exported; a value that might be about a person is `sha256:…`."""

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
