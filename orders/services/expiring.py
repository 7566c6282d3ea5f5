"""Orders that nobody pays: canceled after ORDER_STALE_HOURS, so that they don't wait for ever."""

from collections import Counter
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from billing.accounts import AccountNotConfigured
from core.eventlog import provenance
from core.refusals import Refusal
from orders.models import Checkout, CheckoutState, Order, OrderState
from orders.services.canceling import cancel_order

log = structlog.get_logger()
AT_ONCE = 200


def cancel_stale_orders() -> int:
    """Cancel what was placed too long ago and is not being paid; returns how many orders. Safe to run twice at once."""
    now = timezone.now()
    stale = Order.objects.filter(
        state=OrderState.PENDING,
        placed_at__lt=now - timedelta(hours=settings.ORDER_STALE_HOURS),
        received=F("refunded"),
    ).order_by("placed_at")
    # A shopper may be typing a card number.
    being_paid = Checkout.objects.filter(order=OuterRef("pk"), state=CheckoutState.OPEN, expires_at__gt=now)
    order_ids = stale.filter(~Exists(being_paid)).values_list("pk", flat=True)
    canceled, unserved = 0, Counter[tuple[str, object]]()
    with provenance.acting("system:expiry"):
        # All of them: those that can't be canceled now must not keep the others waiting.
        for order_id in list(order_ids):
            if canceled == AT_ONCE:
                break
            try:
                cancel_order(order_id=order_id, reason="stale")
                canceled += 1
            except AccountNotConfigured as gone:
                unserved[gone.event, gone.ids["account"]] += 1
            except Refusal as refused:
                log.info("order.not_expired", order_id=order_id, reason=str(refused))
    for (event, account), orders in unserved.items():
        log.warning(event, account=account, stale_orders=orders)
    return canceled
