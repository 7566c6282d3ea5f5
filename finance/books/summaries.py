"""Figures by day: what a batch adds to them."""

from collections import Counter
from datetime import date

from finance.books.entries import Balance
from finance.delays import bucket_of
from finance.models import DaySummary

FIGURES = ("drafted", "placed", "paid", "canceled", "paid_amount", "refunded_amount", "disputed_amount")
KEYS = ("day", "account", "livemode", "currency")

type Key = tuple[date, str, bool, str]


class Summaries:
    """Sums of a batch, added to the rows of their days by `write`."""

    def __init__(self) -> None:
        self._figures: dict[Key, Counter[str]] = {}
        self._delays: dict[Key, Counter[str]] = {}

    def add(self, day: date, balance: Balance, figure: str, amount: int = 1) -> None:
        self._figures.setdefault((day, *balance), Counter())[figure] += amount

    def add_delay(self, day: date, balance: Balance, seconds: float) -> None:
        self._delays.setdefault((day, *balance), Counter())[str(bucket_of(seconds))] += 1

    def write(self) -> None:
        keys = {*self._figures, *self._delays}
        if not keys:
            return
        stored = DaySummary.objects.filter(day__in={key[0] for key in keys})
        rows = {(row.day, row.account, row.livemode, row.currency): row for row in stored}
        changed = []
        for key in sorted(keys):
            row = rows.get(key) or DaySummary(**dict(zip(KEYS, key, strict=True)))
            for figure, amount in self._figures.get(key, Counter()).items():
                setattr(row, figure, getattr(row, figure) + amount)
            row.delays = dict(sorted((Counter(row.delays) + self._delays.get(key, Counter())).items()))
            changed.append(row)
        DaySummary.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=KEYS, update_fields=[*FIGURES, "delays"]
        )
