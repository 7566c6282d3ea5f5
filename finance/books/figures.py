"""The sums of a month, and whether those stated when it was closed still are those of its lines."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

import msgspec
from django.db.models import Sum

from finance.books.entries import Balance
from finance.events import Figure
from finance.models import LedgerLine, Month


@dataclass(frozen=True, kw_only=True)
class FigureDrift:
    """A figure of a closed month; debit and credit in minor units, None where one of the two has no such figure."""

    month: str
    account: str
    livemode: bool
    currency: str
    ledger_account: str
    stated: tuple[int, int] | None
    lines: tuple[int, int] | None

    def as_json(self) -> dict[str, object]:
        return {"finding": "closed_month", **asdict(self)}


def figures_of(month: date) -> tuple[Figure, ...]:
    """The sums of a month's lines, by balance and ledger account."""
    debits: Counter[tuple[Balance, str]] = Counter()
    credits_: Counter[tuple[Balance, str]] = Counter()
    lines = LedgerLine.objects.filter(month=month).values_list("account", "livemode", "currency", "debit", "credit")
    for account, livemode, currency, debit, credit, amount in lines.annotate(total=Sum("amount")):
        balance = Balance(account, livemode, currency)
        debits[balance, debit] += amount
        credits_[balance, credit] += amount
    return tuple(
        Figure(**balance._asdict(), ledger_account=name, debit=debits[balance, name], credit=credits_[balance, name])
        for balance, name in sorted({*debits, *credits_})
    )


def figures_that_changed() -> Iterator[FigureDrift]:
    """Of months that were closed."""
    for month in Month.objects.filter(after__isnull=False).order_by("pk"):
        stated = by_place(msgspec.convert(month.figures, tuple[Figure, ...]))
        lines = by_place(figures_of(month.first_day))
        for place in sorted({*stated, *lines}):
            if stated.get(place) != lines.get(place):
                balance, name = Balance(*place[:3]), place[3]
                yield FigureDrift(
                    month=month.pk,
                    **balance._asdict(),
                    ledger_account=name,
                    stated=stated.get(place),
                    lines=lines.get(place),
                )


def by_place(figures: tuple[Figure, ...]) -> dict[tuple[str, bool, str, str], tuple[int, int]]:
    return {(one.account, one.livemode, one.currency, one.ledger_account): (one.debit, one.credit) for one in figures}
