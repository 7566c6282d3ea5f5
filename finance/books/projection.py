"""The projection `finance.books`. Its tables are written here alone."""

from collections.abc import Iterator, Mapping, Sequence

from django.db.models import Model

from core.eventlog.following import Finding, Projection
from core.models import Event
from finance.books.booking import Booking
from finance.books.figures import figures_that_changed
from finance.books.summaries import KEYS
from finance.models import BookedObject, BookedTransaction, DaySummary, LedgerLine, OrderBooks


class Books:
    name = "finance.books"
    from_now_on = False
    tables: Mapping[type[Model], Sequence[str]] = {
        LedgerLine: ("position", "number"),
        OrderBooks: ("order_id",),
        BookedObject: ("object_id",),
        BookedTransaction: ("id",),
        DaySummary: KEYS,
    }

    def project(self, events: list[Event]) -> None:
        booking = Booking(events)
        booking.book()
        booking.write()

    def forget(self) -> None:
        for model in self.tables:
            model._default_manager.all().delete()

    def contradictions(self) -> Iterator[Finding]:
        yield from figures_that_changed()


books: Projection = Books()
