"""Stripe's own books, read page by page into rows of ours: balance transactions and payouts.

Each page is stored in a transaction of its own, and none is open while Stripe is asked. Whatever is killed, the next
run goes on behind the last page that was stored; two runs at once store each thing once.
Source: docs.stripe.com/api/balance_transactions, docs.stripe.com/payouts/reconciliation.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import OperationalError, transaction
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from billing.gateway.balance_transactions import BalanceTransactions
from billing.gateway.calls import Body
from billing.gateway.errors import StripeRefused
from billing.gateway.payouts import Payouts
from core.configuration import Account
from core.eventlog import provenance
from core.eventlog.append import StreamConflictError
from finance.events import (
    BalanceTransactionChanged,
    BalanceTransactionPaidOut,
    BalanceTransactionReappeared,
    BalanceTransactionRecorded,
    BalanceTransactionVanished,
    PayoutItemized,
    PayoutUpdated,
)
from finance.models import BalanceTransaction, BooksCursor, Payout
from finance.projections.stripe import BalanceTransactionAggregate, PayoutAggregate, moment

# What was read in these days is read again: Stripe lists late, and what it changed or took back is seen.
OVERLAP = timedelta(days=7)
# A payout may fail after it was paid, within five business days: docs.stripe.com/payouts#failed-payouts.
PAYOUT_OVERLAP = timedelta(days=30)
UNFINISHED = ("pending", "in_transit")
TRIES = 5


def import_books(account: Account) -> None:
    """Read what is new of an account. Raises StripeRefused or StripeUnreachable; the next run goes on from there."""
    started = timezone.now()
    with provenance.acting("system:reconcile"):
        open_cursor(account)
        while not is_read(account, started):
            read_transactions(account)
        read_payouts(account)
        itemize_payouts(account)


def open_cursor(account: Account) -> None:
    """The books of the other mode are other books: they are read from the beginning."""
    BooksCursor.objects.filter(account=account.name).exclude(livemode=account.livemode).delete()
    BooksCursor.objects.get_or_create(account=account.name, defaults={"livemode": account.livemode})


def is_read(account: Account, until: datetime) -> bool:
    return BooksCursor.objects.filter(account=account.name, read_until__gte=until).exists()


def read_transactions(account: Account) -> None:
    """One reading of what was created since the last, or the rest of one that was broken off."""
    asked_at, cursor = timezone.now(), begin_reading(account)
    query: Body = {"created": {"gte": int(cursor.reading_since.timestamp())}} if cursor.reading_since else {}
    if cursor.reading_after:
        query["starting_after"] = cursor.reading_after
    stretch = Stretch(account, asked_at, is_resumed=bool(cursor.reading_after))
    under_way = BooksCursor.objects.filter(account=account.name, reading_started=cursor.reading_started)
    try:
        for page in BalanceTransactions(account).pages(query):
            store(lambda page=page: store_transactions(account, page, stretch.missing_before(page)))  # type: ignore[misc]
            stretch.go_on(page)
            under_way.update(reading_after=page[-1]["id"])
    except StripeRefused:
        # Where the page that was to be gone on from is refused, only a new beginning helps.
        under_way.update(reading_started=None)
        raise
    store(lambda: take_back(stretch.missing_since(cursor.reading_since)))
    under_way.update(read_until=cursor.reading_started, reading_started=None, reading_since=None, reading_after="")


def begin_reading(account: Account) -> BooksCursor:
    with transaction.atomic(durable=True):
        cursor = BooksCursor.objects.select_for_update().get(account=account.name)
        if cursor.reading_started is None:
            cursor.reading_started, cursor.reading_after = timezone.now(), ""
            cursor.reading_since = cursor.read_until - OVERLAP if cursor.read_until else None
            cursor.save()
        return cursor


class Stretch:
    """Which time the pages of one listing have covered, so that what is ours in it and not on them is known to be gone.

    Pages go back in time and a second may go on on the next one. Only what was stored before Stripe was asked is
    missed: another run may store what was not there yet when this page was made.
    """

    def __init__(self, account: Account, asked_at: datetime, *, is_resumed: bool) -> None:
        self._stored = BalanceTransaction.objects.filter(
            account=account.name, livemode=account.livemode, is_listed=True, read_at__lt=asked_at
        )
        self._is_resumed = is_resumed
        self._down_to: int | None = None
        # What was listed of the second `_down_to`.
        self._listed: set[str] = set()

    def missing_before(self, page: list[Body]) -> QuerySet[BalanceTransaction]:
        """What the page should have had, down to the last second of it."""
        if self._is_resumed and self._down_to is None:
            # Its first second may have begun on a page that somebody else read.
            self._down_to = page[0]["created"] - 1
        return self._within().filter(created_at__gt=moment(page[-1]["created"])).exclude(pk__in=self._seen(page))

    def go_on(self, page: list[Body]) -> None:
        last = page[-1]["created"]
        if self._down_to is not None and last > self._down_to:
            return
        seen = {entry["id"] for entry in page if entry["created"] == last}
        self._listed = seen | (self._listed if last == self._down_to else set())
        self._down_to = last

    def missing_since(self, since: datetime | None) -> QuerySet[BalanceTransaction]:
        """What is left once there are no more pages."""
        within = self._within().filter(created_at__gte=since) if since else self._within()
        if self._is_resumed and self._down_to is None:
            return within.none()
        return within.exclude(pk__in=self._listed)

    def _within(self) -> QuerySet[BalanceTransaction]:
        return self._stored if self._down_to is None else self._stored.filter(created_at__lte=moment(self._down_to))

    def _seen(self, page: list[Body]) -> set[str]:
        return self._listed | {entry["id"] for entry in page}


def store(write: Callable[[], None]) -> None:
    """In a transaction; again when another run stored some of it first."""
    for last_try in (*[False] * (TRIES - 1), True):
        try:
            with transaction.atomic(durable=True):
                write()
        except (StreamConflictError, OperationalError):
            if last_try:
                raise
        else:
            return


def store_transactions(account: Account, page: list[Body], missing: "QuerySet[BalanceTransaction] | None") -> None:
    """One page, in the order of ids so that two runs don't wait for each other, and what is gone from its time."""
    entries = {entry["id"]: entry for entry in page}
    for line in locked_transactions(entries):
        entry = entries[line.root.pk]
        line.record(*(changes(line.root, entry) if line.root.stream_version else [recorded(account, entry)]))
        line.save()
    if missing is not None:
        take_back(missing)


def locked_transactions(ids: Iterable[str]) -> list[BalanceTransactionAggregate]:
    """Those that are stored, in one query, and begun ones for the rest; sorted by id."""
    rows = BalanceTransaction.objects.select_for_update().filter(pk__in=list(ids)).order_by("pk")
    known = {row.pk: BalanceTransactionAggregate(row, stored=True) for row in rows}
    return [known.get(key) or BalanceTransactionAggregate.begin(key) for key in sorted(ids)]


def take_back(missing: QuerySet[BalanceTransaction]) -> None:
    for row in missing.select_for_update().order_by("pk"):
        line = BalanceTransactionAggregate(row, stored=True)
        line.record(BalanceTransactionVanished())
        line.save()


def changes(line: BalanceTransaction, entry: Body) -> Iterable[object]:
    told = (entry["amount"], entry["fee"], entry["net"], itemized_fee(entry))
    if told != (line.amount, line.fee, line.net, line.itemized_fee):
        amount, fee, net, itemized = told
        yield BalanceTransactionChanged(amount=amount, fee=fee, net=net, itemized_fee=itemized)
    if not line.is_listed:
        yield BalanceTransactionReappeared()


def recorded(account: Account, entry: Body) -> BalanceTransactionRecorded:
    rate = entry["exchange_rate"]
    return BalanceTransactionRecorded(
        account=account.name,
        livemode=account.livemode,
        type=entry["type"],
        category=entry["reporting_category"],
        source=entry["source"] or "",
        amount=entry["amount"],
        fee=entry["fee"],
        net=entry["net"],
        currency=entry["currency"],
        exchange_rate="" if rate is None else f"{Decimal(str(rate)):f}",
        created=entry["created"],
        available_on=entry["available_on"],
        itemized_fee=itemized_fee(entry),
    )


def itemized_fee(entry: Body) -> int:
    return sum(detail["amount"] for detail in entry["fee_details"])


def read_payouts(account: Account) -> None:
    """Those that are new or may have changed; older ones that are still on their way, one by one."""
    cursor, started = BooksCursor.objects.get(account=account.name), timezone.now()
    since = cursor.payouts_read_until - PAYOUT_OVERLAP if cursor.payouts_read_until else None
    query: Body = {"created": {"gte": int(since.timestamp())}} if since else {}
    for page in Payouts(account).pages(query):
        store(lambda page=page: store_payouts(account, page))  # type: ignore[misc] # bound at once
    if since:
        unfinished = payouts_of(account).filter(status__in=UNFINISHED, created_at__lt=since).order_by("pk")
        for key in list(unfinished.values_list("pk", flat=True)):
            if (found := Payouts(account).find_by_id(key, subject=Payout.stream_of(key))) is not None:
                store(lambda found=found: store_payouts(account, [found]))  # type: ignore[misc] # as above
    BooksCursor.objects.filter(account=account.name).update(payouts_read_until=started)


def payouts_of(account: Account) -> QuerySet[Payout]:
    return Payout.objects.filter(account=account.name, livemode=account.livemode)


def store_payouts(account: Account, page: list[Body]) -> None:
    told = {payout["id"]: updated(account, payout) for payout in page}
    rows = Payout.objects.select_for_update().filter(pk__in=list(told)).order_by("pk")
    known = {row.pk: PayoutAggregate(row, stored=True) for row in rows}
    for key in sorted(told):
        payout = known.get(key) or PayoutAggregate.begin(key)
        if not payout.root.stream_version or differs(payout.root, told[key]):
            payout.record(told[key])
            payout.save()


def updated(account: Account, payout: Body) -> PayoutUpdated:
    return PayoutUpdated(
        account=account.name,
        livemode=account.livemode,
        amount=payout["amount"],
        currency=payout["currency"],
        status=payout["status"],
        is_automatic=payout["automatic"],
        balance_transaction=payout["balance_transaction"] or "",
        created=payout["created"],
        arrival_date=payout["arrival_date"],
        method=payout["method"],
        reconciliation_status=payout["reconciliation_status"],
    )


def differs(payout: Payout, told: PayoutUpdated) -> bool:
    same = ("amount", "currency", "status", "is_automatic", "balance_transaction", "method", "reconciliation_status")
    arrives = moment(told.arrival_date)
    return arrives != payout.arrives_at or any(getattr(payout, name) != getattr(told, name) for name in same)


def itemize_payouts(account: Account) -> None:
    """What each automatic payout took along, once Stripe has said that it knows all of it."""
    unread = payouts_of(account).filter(is_automatic=True, itemized_at=None, reconciliation_status="completed")
    for key in list(unread.order_by("created_at", "pk").values_list("pk", flat=True)):
        for page in BalanceTransactions(account).pages_of_payout(key):
            store(lambda page=page, key=key: attribute_to_payout(account, page, key))  # type: ignore[misc] # as above
        store(lambda key=key: finish_payout(key))  # type: ignore[misc] # as above


def attribute_to_payout(account: Account, page: list[Body], payout: str) -> None:
    store_transactions(account, page, None)
    for line in locked_transactions([entry["id"] for entry in page]):
        if line.root.payout != payout:
            line.record(BalanceTransactionPaidOut(payout=payout))
            line.save()


def finish_payout(key: str) -> None:
    payout = PayoutAggregate.load_locked(key)
    if payout.root.itemized_at is None:
        items = BalanceTransaction.objects.filter(payout=key).exclude(source=key)
        sums = items.aggregate(count=Count("pk"), net=Sum("net", default=0))
        payout.record(PayoutItemized(**sums))
        payout.save()
