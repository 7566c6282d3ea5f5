"""The projection `finance.books`. Its tables are written here alone."""

from core.eventlog.following import Projection
from core.models import Event
from finance.books.booking import Booking
from finance.models import BookedObject, BookedTransaction, DaySummary, LedgerLine, OrderBooks


class Books:
    name = "finance.books"
    from_now_on = False

    def project(self, events: list[Event]) -> None:
        booking = Booking(events)
        booking.book()
        booking.write()

    def forget(self) -> None:
        for model in (LedgerLine, OrderBooks, BookedObject, BookedTransaction, DaySummary):
            model.objects.all().delete()


books: Projection = Books()
