"""What Stripe posted is emptied once nobody needs it any more; that it came in, and what became of it, stays."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webhooks.models import Delivery, DeliveryState

log = structlog.get_logger()

AT_ONCE = 1000


def purge_payloads() -> int:
    """Empty the payloads of what was done with more than WEBHOOK_PAYLOAD_DAYS ago; returns how many.

    What failed, waits or was refused keeps its own, since it is still to be handled.
    """
    before = timezone.now() - timedelta(days=settings.WEBHOOK_PAYLOAD_DAYS)
    purged, reached = 0, datetime.min.replace(tzinfo=before.tzinfo)
    while batch := purge_batch(reached, before):
        purged += len(batch)
        reached = batch[-1]
    log.info("deliveries.purged", deliveries=purged)
    return purged


def purge_batch(since: datetime, before: datetime) -> list[datetime]:
    """When each of them was handled, in that order: the next batch begins where this one ends."""
    with transaction.atomic(durable=True):
        due = (
            Delivery.objects.select_for_update(skip_locked=True)
            .filter(state__in=DeliveryState.done(), purged_at=None, handled_at__gte=since, handled_at__lt=before)
            .order_by("handled_at")
            .values_list("pk", "handled_at")
        )
        rows = list(due[:AT_ONCE])
        Delivery.objects.filter(pk__in=[key for key, _ in rows]).update(payload=b"", purged_at=timezone.now())
    return [handled_at for _, handled_at in rows if handled_at]
