"""In which month's books a line stands."""

from datetime import UTC, date, datetime

from core.eventlog.tail import Cursor, is_behind
from finance.models import Month


def first_day(month: str) -> date:
    """`2026-11` -> 1 November 2026; raises ValueError."""
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()


def month_of(at: datetime) -> date:
    return at.astimezone(UTC).date().replace(day=1)


def month_after(month: date) -> date:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


class Closings:
    """The months that were closed, each with the place in the log up to which it was booked then."""

    def __init__(self) -> None:
        closed = Month.objects.filter(after__isnull=False)
        self._closed = sorted((month.first_day, Cursor(*month.after or ())) for month in closed)

    def book_into(self, happened_at: datetime, noticed: Cursor) -> tuple[date, bool]:
        """The month, and whether the line is an adjustment there: closing a month closes all before it."""
        month = month_of(happened_at)
        closed = [one for one, after in self._closed if is_behind(after, noticed)]
        if closed and month <= closed[-1]:
            return month_after(closed[-1]), True
        return month, False
