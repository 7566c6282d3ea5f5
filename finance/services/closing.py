"""Closing the books of a month."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.eventlog import following
from core.eventlog.tail import Cursor
from core.refusals import Refusal
from finance.books.figures import figures_of
from finance.books.months import first_day, month_after, month_of
from finance.books.projection import books
from finance.events import MonthClosed
from finance.models import Month
from finance.projections.month import MonthAggregate
from finance.selectors.ledger import first_open_month_before, latest_closed

# Of an empty log: before every event.
BEGINNING = Cursor(0, 0, 0)


class MonthNotClosable(Refusal):
    """`reason` is `no_month`, `not_over`, `closed` or `earlier_open`; `other` the month that is to be closed first."""

    code = "month_not_closable"
    status = HTTPStatus.CONFLICT
    message = "{words}"
    words: ClassVar[Mapping[str, object]] = {
        "no_month": _("{month} is not a month; 2026-11 would be one."),
        "not_over": _("{month} is not over yet."),
        "closed": _("{month} is closed already."),
        "earlier_open": _("{other} has lines and is not closed: close it first."),
    }

    def __init__(self, *, month: str, reason: str, other: str = "") -> None:
        self.month, self.reason, self.other = month, reason, other
        super().__init__(words=str(self.words[reason]).format(month=month, other=other))
        self.ids = {"month": month, "reason": reason, "other": other}


def close_month(*, month: str) -> Month:
    """Close the books of `2026-11`: what is learnt of it later is an adjustment in the first month that is open then.

    Raises MonthNotClosable. All that has settled in the log is booked first, and nobody books meanwhile.
    """
    first = month_named(month)
    refuse_closing(month, first)
    following.follow(books)  # in transactions of its own: what is left for the one below is little
    with following.locked_place(books) as place:
        while following.advance(books, place) == following.BATCH:
            pass
        refuse_closing(month, first)
        aggregate = MonthAggregate.begin(month)
        after = following.place_of(place) or BEGINNING
        aggregate.record(MonthClosed(after=after, figures=figures_of(first)))
        aggregate.save()
    return aggregate.root


def month_named(month: str) -> date:
    try:
        first = first_day(month)
    except ValueError:
        raise MonthNotClosable(month=month, reason="no_month") from None
    if f"{first:%Y-%m}" != month:
        raise MonthNotClosable(month=month, reason="no_month")
    return first


def refuse_closing(month: str, first: date) -> None:
    if month_after(first) > month_of(timezone.now()):
        raise MonthNotClosable(month=month, reason="not_over")
    closed = latest_closed()
    if closed and month <= closed.pk:
        raise MonthNotClosable(month=month, reason="closed")
    if other := first_open_month_before(first):
        raise MonthNotClosable(month=month, reason="earlier_open", other=f"{other:%Y-%m}")
