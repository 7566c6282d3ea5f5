"""A reconciliation: Stripe's books are read, compared with our orders, and what is new of that is put on record."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from django.db import OperationalError, connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from billing.gateway.errors import StripeRefused, StripeUnreachable
from core.configuration import Account
from core.eventlog import provenance
from core.eventlog.append import StreamConflictError
from finance.events import ExceptionFound, ExceptionSettled, MonthMatched, PayoutMatched, ReconciliationRun
from finance.models import (
    BalanceTransaction,
    BooksCursor,
    MatchedMonth,
    MatchedPayout,
    Moved,
    Reconciliation,
    ReconciliationException,
)
from finance.projections.reconciliation import ReconciliationAggregate
from finance.selectors.matching import Books
from finance.services.comparing import Comparison, Key, compare
from finance.services.importing import import_books

log = structlog.get_logger()

ACCOUNT_JOB = "finance.reconcile_account"
TRIES = 5


def queue_reconciliations(accounts: Iterable[Account]) -> None:
    """A job for each account; one that is waiting already will do."""
    for account in accounts:
        try:
            job = app.configure_task(ACCOUNT_JOB, queueing_lock=f"{ACCOUNT_JOB}-{account.name}")
            with transaction.atomic():
                job.defer(account=account.name)
        except AlreadyEnqueued:
            log.info("reconciliation.waiting", account=account.name)


def reconcile_account(account: Account) -> None:
    """Safe to run twice at once. Raises StripeRefused or StripeUnreachable, and the page says so."""
    cursors = BooksCursor.objects.filter(account=account.name)
    with provenance.acting("system:reconcile"):
        try:
            import_books(account)
        except (StripeRefused, StripeUnreachable) as refused:
            problem = str(refused.ids.get("reason", refused.code))
            log.warning("reconciliation.stopped", account=account.name, reason=problem)
            cursors.update(problem=problem)
            raise
        cursors.update(problem="")
        compare_books(account)


def compare_books(account: Account) -> None:
    """Compare what was read with our orders, on one snapshot, and record what came of it.

    Whoever else has compared meanwhile makes this one begin again.
    """
    books = Books(account.name, account.livemode)
    for last_try in (*[False] * (TRIES - 1), True):
        try:
            with transaction.atomic(durable=True):
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                aggregate = begin_or_lock(account)
                horizon = read_until(books)
                record(aggregate, compare(books, horizon), horizon, livemode=account.livemode)
                aggregate.save()
        except (StreamConflictError, OperationalError):
            if last_try:
                raise
        else:
            return


def begin_or_lock(account: Account) -> ReconciliationAggregate:
    try:
        return ReconciliationAggregate.load_locked(account.name)
    except Reconciliation.DoesNotExist:
        return ReconciliationAggregate.begin(account.name)


def read_until(books: Books) -> datetime:
    """How far Stripe's books were read, by the later of two clocks: ours, and Stripe's in its newest line."""
    asked = BooksCursor.objects.get(account=books.account).read_until
    lines = BalanceTransaction.objects.filter(account=books.account, livemode=books.livemode)
    newest = lines.order_by("-created_at").values_list("created_at", flat=True).first()
    return max(moment for moment in (asked, newest) if moment)


def record(aggregate: ReconciliationAggregate, found: Comparison, horizon: datetime, *, livemode: bool) -> None:
    exceptions = aggregate.children(ReconciliationException).values()
    known = {(one.kind, one.object_id): one for one in exceptions if one.livemode == livemode and not one.settled_at}
    # What is open stays so while it may be young: it was told of again, and is not settled by that.
    standing = found.due | {key: one for key, one in found.young.items() if key in known}
    aggregate.record(
        *new_months(aggregate, found.months, livemode=livemode),
        *new_payouts(aggregate, found.payouts),
        *new_exceptions(standing, known),
        *(
            ExceptionSettled(livemode=livemode, kind=kind, object_id=object_id)
            for kind, object_id in known
            if (kind, object_id) not in standing
        ),
        ReconciliationRun(
            livemode=livemode,
            until=int(horizon.timestamp()),
            matched=sum(month.count for month in found.months if month.movement != Moved.OTHER),
            exceptions=len(standing),
        ),
    )


def new_exceptions(standing: dict[Key, ExceptionFound], known: dict[Key, ReconciliationException]) -> Iterator[object]:
    """Those that were not open, or whose figures are others than before."""
    for key, found in standing.items():
        if key not in known or says_otherwise(known[key], found):
            yield found


def new_payouts(aggregate: ReconciliationAggregate, payouts: list[PayoutMatched]) -> Iterator[object]:
    known = aggregate.children(MatchedPayout)
    for payout in payouts:
        if payout.payout not in known or says_otherwise(known[payout.payout], payout, besides={"payout"}):
            yield payout


def new_months(
    aggregate: ReconciliationAggregate, months: list[MonthMatched], *, livemode: bool
) -> Iterator[MonthMatched]:
    """Those with other sums than before, and zeros for those of which nothing agrees any more."""
    known = aggregate.children(MatchedMonth)
    told = {aggregate.key_of_month(month): month for month in months}
    for key, row in known.items():
        if key not in told and row.livemode == livemode and row.count:
            yield zeros(row)
    for key, month in told.items():
        if key not in known or says_otherwise(known[key], month):
            yield month


def zeros(month: MatchedMonth) -> MonthMatched:
    return MonthMatched(
        livemode=month.livemode,
        month=month.month,
        currency=month.currency,
        movement=month.movement,
        count=0,
        amount=0,
        fee=0,
        net=0,
    )


def says_otherwise(row: object, fact: object, besides: Iterable[str] = ()) -> bool:
    told = {name: value for name, value in vars(fact).items() if name not in set(besides)}
    return any(getattr(row, name) != value for name, value in told.items())
