"""What is counted of deliveries, at the edge: a post costs two of these, and no query."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from prometheus_client import Counter, Histogram

from core.refusals import Refusal
from webhooks.events import StripeEvent
from webhooks.models import DeliveryState
from webhooks.readers import is_handled

OTHER = "other"
ON_ITS_WAY = 120  # seconds

POSTS = Counter(
    "countersign_deliveries",
    "Verified posts of Stripe's by type (`other`: none of those that we handle) and the state of their delivery after.",
    ["type", "state"],
)
LAG = Histogram(
    "countersign_delivery_lag_seconds",
    "From when Stripe says that it happened (in whole seconds, by its clock) to our answer.",
    ["type"],
    buckets=(1, 2, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600),
)
REFUSALS = Counter(
    "countersign_delivery_refusals",
    "Posts that were not answered with 200, by the code of the answer.",
    ["code"],
)
BACKFILLED = Counter(
    "countersign_deliveries_backfilled",
    "Events that no webhook had brought in two minutes, so that the backfill did, by account.",
    ["account"],
)
RETRIED = Counter("countersign_deliveries_retried", "Deliveries that could be handled when they were tried again.")

# Series from the start, since an increase is only seen of what was there before.
for account in settings.STRIPE_ACCOUNTS:
    BACKFILLED.labels(account)


def count_post(event: StripeEvent, state: DeliveryState) -> None:
    kind = event.type if is_handled(event.type) else OTHER
    POSTS.labels(kind, state.value).inc()
    if event.created is not None:
        LAG.labels(kind).observe(max(0.0, time.time() - event.created))


def count_backfilled(account: str, created: float) -> None:
    """One that happened just now is on its way by webhook, too."""
    if time.time() - created > ON_ITS_WAY:
        BACKFILLED.labels(account).inc()


@contextmanager
def counted_refusals() -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        REFUSALS.labels(refusal.code).inc()
        raise
