"""`python folding.py`: streams of facts, on standard input as JSON, are stored by `eventsourcing` and read back.

An aggregate takes over what a fact holds, and does nothing else: no rules, no sums, no rows that are compared. Prints
the events and the seconds of this process's CPU that the quickest of three readings of all aggregates took.
"""

import json
import sys
import time
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

AT_ONCE = 10  # more events in one pipeline and it waits for ever


class Order(Aggregate):
    @event("Drafted")
    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    @event("Changed")
    def change(self, facts: dict[str, Any]) -> None:
        self.facts.update(facts)


def order_of(stream: list[dict[str, Any]]) -> Order:
    order = Order(facts=stream[0])
    for facts in stream[1:]:
        order.change(facts=facts)
    return order


def main() -> None:
    streams = json.load(sys.stdin)
    application: Application[Any] = Application()
    orders = [order_of(stream) for stream in streams]
    for start in range(0, len(orders), AT_ONCE):
        application.save(*orders[start : start + AT_ONCE])
    readings = []
    for _ in range(3):
        started = time.process_time()
        read = sum(application.repository.get(order.id).version for order in orders)
        readings.append(time.process_time() - started)
    json.dump({"events": read, "seconds": min(readings)}, sys.stdout)


main()
