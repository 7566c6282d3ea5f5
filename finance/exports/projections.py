"""How the facts of an export fold into its row."""

from datetime import datetime
from typing import ClassVar

from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from finance.events import ExportBegun, ExportBrokenOff, ExportMade
from finance.models import ExportRecord, ExportState


class ExportAggregate(Aggregate[ExportRecord]):
    root_model: ClassVar = ExportRecord

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of an export")

    @apply.register
    def _begun(self, fact: ExportBegun, recorded_at: datetime) -> None:
        export = self.root
        export.of, export.format, export.person = fact.of, fact.format, fact.person
        export.filters = {one.name: one.value for one in fact.filters}
        export.begun_at = recorded_at

    @apply.register
    def _made(self, fact: ExportMade, recorded_at: datetime) -> None:
        self._end(ExportState.MADE, fact.rows, recorded_at)

    @apply.register
    def _broken_off(self, fact: ExportBrokenOff, recorded_at: datetime) -> None:
        self._end(ExportState.BROKEN_OFF, fact.rows, recorded_at)

    def _end(self, state: ExportState, rows: int, at: datetime) -> None:
        self.root.state, self.root.rows, self.root.ended_at = state, rows, at
