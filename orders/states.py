"""The projection `orders.states`: how many orders are in each state, counted as the log tells of them.

Counting the table would read an index of all orders; this is six rows at any size.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from django.db.models import Model

from core.eventlog.append import read_facts
from core.eventlog.following import Finding, Projection
from core.models import Event
from orders.events import OrderRefunded
from orders.models import OrderState, StateCount

# The state that an order is in after a fact of this kind; of `order.refunded` the fact itself says it.
LEADS_TO = {
    "order.drafted": OrderState.DRAFT,
    "order.placed": OrderState.PENDING,
    "order.paid": OrderState.PAID,
    "order.canceled": OrderState.CANCELED,
}
REFUNDED = "order.refunded"
KINDS = (*LEADS_TO, REFUNDED)


class States:
    """An event takes its order out of the state that the event of this kind before it had led to.

    The tail may hand over a later version first. The sums are the same, since what is before an event in its stream is
    in the log when that event is read.
    """

    name = "orders.states"
    from_now_on = False
    tables: Mapping[type[Model], Sequence[str]] = {StateCount: ("state",)}

    def project(self, events: list[Event]) -> None:
        moved = [event for event in events if event.kind in KINDS]
        if not moved:
            return
        changes: Counter[str] = Counter()
        handed = {event.pk for event in moved}
        stream, state = "", ""
        of_orders = Event.objects.filter(stream__in={event.stream for event in moved}, kind__in=KINDS)
        for told in read_facts(of_orders.order_by("stream", "version")):
            before = state if told.event.stream == stream else ""
            fact, kind = told.fact, told.event.kind
            stream, state = told.event.stream, fact.state if isinstance(fact, OrderRefunded) else LEADS_TO[kind].value
            if told.event.pk in handed:
                changes[state] += 1
                if before:
                    changes[before] -= 1
        self.add(changes)

    def add(self, changes: Mapping[str, int]) -> None:
        counts = dict(StateCount.objects.values_list("state", "count"))
        rows = [StateCount(state=state, count=counts.get(state, 0) + change) for state, change in changes.items()]
        StateCount.objects.bulk_create(rows, update_conflicts=True, unique_fields=["state"], update_fields=["count"])

    def forget(self) -> None:
        StateCount.objects.all().delete()

    def contradictions(self) -> Iterator[Finding]:
        yield from ()


states: Projection = States()
