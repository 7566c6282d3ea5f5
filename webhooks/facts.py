"""What people do with deliveries: stream `delivery-handling-<id>`. What deliveries tell is facts of their orders."""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("delivery.handling_requested")
@dataclass(frozen=True, kw_only=True)
class DeliveryHandlingRequested:
    """A person wants a delivery handled again that was in `state`; `order_id` is null while none is known."""

    account: str
    event_id: str
    type: str
    order_id: int | None
    state: str
    asked_by: str
