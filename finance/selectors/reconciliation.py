"""What the pages of a reconciliation show. Everything is read from its own rows, none of it from long tables."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from django.db.models import Count, F, Q, QuerySet

from billing.accounts import configured_accounts, why_unserved
from finance.models import MatchedMonth, MatchedPayout, Moved, Payout, Reconciliation, ReconciliationException


@dataclass
class MonthSums:
    """What agrees of one month and currency, by movement; fees are those of all of it."""

    month: str
    currency: str
    amounts: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    fee: int = 0
    net: int = 0

    def add(self, row: MatchedMonth) -> None:
        self.amounts[row.movement], self.counts[row.movement] = row.amount, row.count
        if row.movement != Moved.PAYOUT:
            self.fee += row.fee
            self.net += row.net

    def amount(self, movement: str) -> int:
        return self.amounts.get(movement, 0)


def sums_by_month(root: Reconciliation, month: str | None = None) -> list[MonthSums]:
    """Newest month first; of one month where it is given."""
    rows = root.months.filter(livemode=root.livemode, count__gt=0)
    rows = rows.filter(month=month) if month else rows
    return [summed(key, of_one) for key, of_one in groupby(rows.order_by("-month", "currency"), key=month_and_currency)]


def month_and_currency(row: MatchedMonth) -> tuple[str, str]:
    return row.month, row.currency


def summed(key: tuple[str, str], rows: Iterable[MatchedMonth]) -> MonthSums:
    sums = MonthSums(*key)
    for row in rows:
        sums.add(row)
    return sums


def is_in_force(root: Reconciliation) -> bool:
    """Whether its account is one of the settings, in the mode in which it was reconciled last."""
    return not why_unserved(root.pk, livemode=root.livemode)


def in_force() -> Q:
    """Exceptions of the accounts of the settings, in the mode of their keys."""
    chosen = Q(pk__in=())
    for account in configured_accounts().values():
        chosen |= Q(reconciliation=account.name, livemode=account.livemode)
    return chosen


def open_exceptions() -> QuerySet[ReconciliationException]:
    """What Stripe's books and ours disagree about, newest first.

    Nobody compares any more what is of an account that is gone, or of the other mode: it can't settle, so it is not
    open either.
    """
    return ReconciliationException.objects.filter(in_force(), settled_at=None).order_by("-found_at", "-id")


def standing_exceptions(root: Reconciliation) -> QuerySet[ReconciliationException]:
    return open_exceptions().filter(reconciliation=root)


def exceptions_by_month(root: Reconciliation) -> dict[str, int]:
    counted = standing_exceptions(root).order_by("month").values_list("month").annotate(count=Count("pk"))
    return dict(counted.values_list("month", "count"))


def exceptions_of_month(root: Reconciliation, month: str) -> QuerySet[ReconciliationException]:
    """Settled ones too, those that stand first."""
    of_month = root.exception_set.filter(livemode=root.livemode, month=month)
    return of_month.order_by(F("settled_at").desc(nulls_first=True), "-found_at")


@dataclass(frozen=True)
class ShownPayout:
    """A payout with the balance around it, and the exception that is open about it."""

    payout: Payout
    matched: MatchedPayout | None
    exception: ReconciliationException | None

    @property
    def accounted(self) -> int | None:
        """What Stripe's lines account for: of a manual payout, no more than itself."""
        if self.matched is None:
            return None
        if self.matched.items is not None:
            return self.matched.items
        if self.payout.is_automatic:
            return None
        return min(self.payout.amount, max(self.matched.before + self.matched.came, 0))

    @property
    def difference(self) -> int | None:
        return None if self.accounted is None else self.payout.amount - self.accounted


def shown_payouts(payouts: Iterable[Payout]) -> list[ShownPayout]:
    """Three queries for however many."""
    rows = list(payouts)
    keys = [payout.pk for payout in rows]
    matched = MatchedPayout.objects.in_bulk(keys)
    about = ReconciliationException.objects.filter(payout__in=keys, object_id__in=keys, settled_at=None)
    exceptions = {one.object_id: one for one in about}
    return [ShownPayout(payout, matched.get(payout.pk), exceptions.get(payout.pk)) for payout in rows]


def payouts_of(root: Reconciliation, month: str | None = None) -> QuerySet[Payout]:
    """Newest first."""
    payouts = Payout.objects.filter(account=root.pk, livemode=root.livemode).order_by("-created_at", "-pk")
    if month is None:
        return payouts
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return payouts.filter(created_at__gte=start, created_at__lt=end)
