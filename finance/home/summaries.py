"""Figures by day, from the summaries that a projection keeps: no order is read for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Sum
from django.utils import timezone

from core.eventlog.following import first_behind, place_of
from core.models import Follower
from finance.delays import added, median
from finance.models import DaySummary

RANGES = (7, 30, 90, 365)
PROJECTION = "finance.books"


class Kind(NamedTuple):
    """Of one kind is money that may be added up. `mode` is `live` or `test`."""

    mode: str
    currency: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    days: int
    kind: Kind


@dataclass(kw_only=True)
class Figures:
    """Sums over orders of one kind of money: how many, and how much in minor units."""

    drafted: int = 0
    placed: int = 0
    paid: int = 0
    canceled: int = 0
    paid_amount: int = 0
    refunded_amount: int = 0
    disputed_amount: int = 0
    delays: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds_to_pay(self) -> float | None:
        return median(self.delays)


SUMMED = (
    "drafted",
    "placed",
    "paid",
    "canceled",
    "paid_amount",
    "refunded_amount",
    "disputed_amount",
)


def kinds_of_money() -> list[Kind]:
    """All that there are figures of: live before test, then by the orders paid."""
    found = DaySummary.objects.values("livemode", "currency").annotate(orders=Sum("paid"))
    ordered = found.order_by("-livemode", "-orders", "currency")
    return [Kind("live" if one["livemode"] else "test", one["currency"]) for one in ordered]


def choose(asked: Mapping[str, str], kinds: list[Kind]) -> Chosen | None:
    """What a query string asks for (`days`, `mode`, `currency`), else 30 days of the first kind; None without any."""
    if not kinds:
        return None
    kind = Kind(asked.get("mode", ""), asked.get("currency", ""))
    days = next((days for days in RANGES if str(days) == asked.get("days")), 30)
    return Chosen(days=days, kind=kind if kind in kinds else kinds[0])


def figures_by_day(chosen: Chosen) -> dict[date, Figures]:
    """Every day of the range up to today (UTC), oldest first, also those on which nothing happened."""
    today = timezone.now().astimezone(UTC).date()
    first = today - timedelta(days=chosen.days - 1)
    rows: dict[date, list[DaySummary]] = {first + timedelta(days=number): [] for number in range(chosen.days)}
    of_kind = DaySummary.objects.filter(livemode=chosen.kind.mode == "live", currency=chosen.kind.currency)
    for row in of_kind.filter(day__range=(first, today)):
        rows[row.day].append(row)
    return {day: summed(of_day) for day, of_day in rows.items()}


def summed(parts: Iterable[DaySummary | Figures]) -> Figures:
    parts = list(parts)
    sums = {name: sum(getattr(part, name) for part in parts) for name in SUMMED}
    return Figures(**sums, delays=added(part.delays for part in parts))


def complete_up_to() -> datetime | None:
    """Until when everything that was recorded is in the figures; None while nothing has been counted."""
    asked_at = timezone.now()
    follower = Follower.objects.filter(pk=PROJECTION).first()
    place = place_of(follower) if follower else None
    if place is None:
        return None
    return first_behind(place) or asked_at
