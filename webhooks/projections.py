"""How the facts of deliveries fold into rows."""

from datetime import datetime
from typing import ClassVar

from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from webhooks.facts import DeliveryHandlingRequested
from webhooks.models import HandlingRequest


class HandlingAggregate(Aggregate[HandlingRequest]):
    """One request, and nothing below it."""

    root_model: ClassVar = HandlingRequest

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a delivery's handling")

    @apply.register
    def _requested(self, fact: DeliveryHandlingRequested, recorded_at: datetime) -> None:
        request = self.root
        request.account, request.event_id, request.type = fact.account, fact.event_id, fact.type
        request.order_id, request.state, request.asked_by = fact.order_id, fact.state, fact.asked_by
        request.asked_at = recorded_at
