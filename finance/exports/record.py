"""An export on the log: that it was begun, by whom and of what, before a row leaves; and how it ended."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from core.eventlog import provenance
from finance.events import ExportBegun, ExportBrokenOff, ExportFilter, ExportMade
from finance.exports.projections import ExportAggregate
from orders.finding import NUMBER
from orders.models import Order

SEARCH = "q"
# Filters hold states, codes, ids, numbers and times; a search is typed: a number may be somebody's telephone, a word
# their name. The log keeps for ever, so it gets neither, and no digest either, from which a number is soon guessed.
FILTER_VALUE = re.compile(r"[A-Za-z0-9_.:,+\-]{0,64}")
# What orders are found by; source of the forms: the example ids in docs.stripe.com/api.
STRIPE_ID = re.compile(r"(?:cs_(?:test|live)|pi|ch|py|re|pyr|du|dp|prv|txn|po|evt)_[A-Za-z0-9]{4,255}")
UNTOLD = "(text)"


class Counted[Row]:
    """Rows on their way, counted."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


@dataclass(frozen=True)
class Recording:
    """An export that was begun, and who did; a streamed response is written when nobody acts any more, hence its end is
    recorded in the name of who began.
    """

    key: UUID
    origin: provenance.Provenance

    def end(self, ending: ExportMade | ExportBrokenOff) -> None:
        with (
            provenance.acting(self.origin.actor, correlation_id=self.origin.correlation_id),
            ExportAggregate.locked(self.key) as export,
        ):
            export.record(ending)


class RecordedParts[Row]:
    """The parts of a file as they leave. When the last one has left, or the writing was given up, that is recorded with
    the number of rows.

    The server closes a response however it ends, and where nobody began to read it, too: a generator that was never
    started would not notice.
    """

    def __init__(
        self, recording: Recording, rows: Iterable[Row], write: Callable[[Iterable[Row]], Iterator[bytes]]
    ) -> None:
        self._recording = recording
        self._rows = Counted(rows)
        self._parts = write(self._rows)
        self._is_recorded = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            self._record(ExportMade(rows=self._rows.count))
            raise

    def close(self) -> None:
        """Closes the database's cursor, too, by the writer that reads it."""
        close = getattr(self._parts, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._record(ExportBrokenOff(rows=self._rows.count))

    def _record(self, ending: ExportMade | ExportBrokenOff) -> None:
        """The first ending counts."""
        if not self._is_recorded:
            self._is_recorded = True
            self._recording.end(ending)


def begin_export(*, of: str, file_format: str, person: int, asked: Mapping[str, str]) -> Recording:
    """`asked` is the query string of the list."""
    with transaction.atomic(durable=True):
        export = ExportAggregate.begin(uuid4())
        export.record(ExportBegun(of=of, format=file_format, person=person, filters=filters_told(asked)))
        export.save()
    return Recording(export.root.pk, provenance.current())


def filters_told(asked: Mapping[str, str]) -> tuple[ExportFilter, ...]:
    return tuple(ExportFilter(name=name, value=value_told(name, value)) for name, value in sorted(asked.items()))


def value_told(name: str, value: str) -> str:
    """The value where it can't be about a person."""
    value = value.strip()
    is_told = is_of_orders(value) if name == SEARCH else FILTER_VALUE.fullmatch(value)
    return value if is_told else UNTOLD


def is_of_orders(term: str) -> bool:
    """Whether it is the number of an order that exists, or has the form of an id of Stripe's."""
    if number := NUMBER.fullmatch(term):
        return Order.objects.filter(pk=int(number[1])).exists()
    return STRIPE_ID.fullmatch(term) is not None
