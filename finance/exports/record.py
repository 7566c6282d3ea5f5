"""An export on the log: that it was begun, by whom and of what, before a row leaves; and how it ended."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid4

from django.db import transaction

from core.eventlog import provenance
from finance.events import ExportBegun, ExportBrokenOff, ExportFilter, ExportMade
from finance.exports.projections import ExportAggregate

SEARCH = "q"
# Filters hold states, codes, ids, numbers and times; a search is typed, and told when it is the number of an order or
# an id of Stripe's. Of everything else there is a digest: it may be a person's name or address.
FILTER_VALUE = re.compile(r"[A-Za-z0-9_.:,+\-]{0,64}")
SEARCH_VALUE = re.compile(r"\d{1,18}|[a-z]{2,8}_[A-Za-z0-9_]{4,64}")


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
    """An export that was begun, and who did."""

    key: UUID
    origin: provenance.Provenance

    @contextmanager
    def of[Row](self, rows: Iterable[Row]) -> Iterator[Counted[Row]]:
        """The rows to write. When they were written, or the writing was given up, that is recorded with their number;
        a streamed response is written when nobody acts any more, hence in the name of who began.
        """
        counted = Counted(rows)
        is_complete = False
        try:
            yield counted
            is_complete = True
        finally:
            ending = ExportMade(rows=counted.count) if is_complete else ExportBrokenOff(rows=counted.count)
            with (
                provenance.acting(self.origin.actor, correlation_id=self.origin.correlation_id),
                ExportAggregate.locked(self.key) as export,
            ):
                export.record(ending)


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
    """The value where it can't be about a person, else the beginning of its SHA-256."""
    telling = SEARCH_VALUE if name == SEARCH else FILTER_VALUE
    if telling.fullmatch(value.strip()):
        return value.strip()
    return f"sha256:{sha256(value.encode()).hexdigest()[:16]}"
