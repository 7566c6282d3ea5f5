"""The streams that a batch of the log has news of."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.eventlog.append import RecordedFact, read_facts
from core.models import Event
from finance.models import BalanceTransaction
from orders.models import Order


@dataclass
class Stream:
    """What was recorded in one stream, oldest first, up to the highest version that the batch has news of."""

    facts: list[RecordedFact]
    read: int = field(default=0)  # how many of them were

    def up_to(self, version: int) -> Iterator[RecordedFact]:
        """The facts up to a version that were not read yet."""
        while self.read < len(self.facts) and self.facts[self.read].event.version <= version:
            self.read += 1
            yield self.facts[self.read - 1]


def read_streams(events: list[Event]) -> tuple[dict[int, Stream], dict[str, Stream]]:
    """Of orders, and of balance transactions, by their keys.

    The tail may hand a stream's versions in another order than theirs: each event only tells that its stream has come
    that far, and what was recorded before it is read again, in one query for all streams.
    """
    noticed: dict[str, dict[int, Event]] = defaultdict(dict)
    for event in events:
        if Order.key_in(event.stream) or BalanceTransaction.key_in(event.stream):
            noticed[event.stream][event.version] = event
    highest = {stream: max(versions) for stream, versions in noticed.items()}
    partial = [stream for stream, versions in noticed.items() if len(versions) < highest[stream]]
    for event in Event.objects.filter(stream__in=partial) if partial else ():
        if event.version <= highest[event.stream]:
            noticed[event.stream].setdefault(event.version, event)
    orders, transactions = {}, {}
    for stream, versions in noticed.items():
        read = Stream(list(read_facts(versions[version] for version in sorted(versions))))
        if key := Order.key_in(stream):
            orders[int(key)] = read
        elif key := BalanceTransaction.key_in(stream):
            transactions[key] = read
    return orders, transactions
