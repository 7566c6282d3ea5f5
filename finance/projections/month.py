"""How the facts of a month fold into its row."""

from datetime import datetime
from typing import ClassVar

import msgspec

from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from finance.events import MonthClosed
from finance.models import Month


class MonthAggregate(Aggregate[Month]):
    """The books of one month, from their closing on."""

    root_model: ClassVar = Month

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a month")

    @apply.register
    def _closed(self, fact: MonthClosed, recorded_at: datetime) -> None:
        self.root.after = list(fact.after)
        self.root.figures = msgspec.to_builtins(list(fact.figures))
        self.root.closed_at = recorded_at
