"""Orders that nobody pays: canceled after ORDER_STALE_HOURS, so that they don't wait for ever."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from core.eventlog import provenance
from core.refusals import Refusal
from orders.models import Order, OrderState
from orders.services.canceling import cancel_order

log = structlog.get_logger()
AT_ONCE = 200


def cancel_stale_orders() -> int:
    """Cancel what was placed too long ago and is not being paid; returns how many orders. Safe to run twice at once."""
    before = timezone.now() - timedelta(hours=settings.ORDER_STALE_HOURS)
    stale = Order.objects.filter(state=OrderState.PENDING, placed_at__lt=before, received=0).order_by("placed_at")
    canceled = 0
    with provenance.acting("system:expiry"):
        for order_id in list(stale.values_list("pk", flat=True)[:AT_ONCE]):
            try:
                cancel_order(order_id=order_id, reason="stale")
                canceled += 1
            except Refusal as refused:
                log.info("order.not_expired", order_id=order_id, reason=str(refused))
    return canceled
