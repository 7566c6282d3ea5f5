"""What is read of the inbox when Prometheus asks."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.core import Metric

from core.exposition import gauges, reads, seconds_since
from webhooks.models import Delivery, DeliveryState

NOT_DONE = [DeliveryState.RECEIVED, *DeliveryState.unhandled()]


@reads("deliveries")
def unhandled_deliveries() -> Iterator[Metric]:
    """Few among many, found by their states in a partial index."""
    rows = Delivery.objects.filter(state__in=NOT_DONE).values_list("state")
    found = {state: (count, oldest) for state, count, oldest in rows.annotate(Count("pk"), Min("received_at"))}
    nothing = (0, None)
    yield gauges(
        "deliveries_unhandled",
        "Deliveries that are kept and still to be handled.",
        "state",
        {state.value: found.get(state, nothing)[0] for state in NOT_DONE},
    )
    yield gauges(
        "delivery_unhandled_age_seconds",
        "How long ago the oldest of them came in.",
        "state",
        {state.value: seconds_since(found.get(state, nothing)[1]) for state in NOT_DONE},
    )
