"""Orders that nobody pays: canceled after ORDER_STALE_HOURS, so that they don't wait for ever.

The hours run from what happened last: the order was placed, a checkout of it was opened or closed, something was heard
of a payment. A bank debit fails days later (docs.stripe.com/payments/bank-debits), and its shopper is told that the
order is kept.
"""

from collections import Counter
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from billing.accounts import AccountNotConfigured
from core.eventlog import provenance
from core.refusals import Refusal
from orders.models import Checkout, CheckoutState, Order, OrderState, Payment
from orders.services.canceling import cancel_order

log = structlog.get_logger()
AT_ONCE = 200


def cancel_stale_orders() -> int:
    """Cancel what nobody has tried to pay for too long; returns how many orders. Safe to run twice at once."""
    now = timezone.now()
    idle_since = now - timedelta(hours=settings.ORDER_STALE_HOURS)
    stale = Order.objects.filter(
        state=OrderState.PENDING,
        placed_at__lt=idle_since,
        received=F("refunded"),
    ).order_by("placed_at")
    # A shopper may be typing a card number.
    is_open = Q(state=CheckoutState.OPEN, expires_at__gt=now)
    being_paid = Checkout.objects.filter(
        is_open | Q(opened_at__gt=idle_since) | Q(closed_at__gt=idle_since), order=OuterRef("pk")
    )
    told_of = Payment.objects.filter(order=OuterRef("pk"), updated_at__gt=idle_since)
    order_ids = stale.filter(~Exists(being_paid), ~Exists(told_of)).values_list("pk", flat=True)
    canceled, unserved = 0, Counter[tuple[str, object]]()
    with provenance.acting("system:expiry"):
        # All of them: those that can't be canceled now must not keep the others waiting.
        for order_id in list(order_ids):
            if canceled == AT_ONCE:
                break
            try:
                canceled += cancel_order(order_id=order_id, reason="stale", idle_since=idle_since)
            except AccountNotConfigured as gone:
                unserved[gone.event, gone.ids["account"]] += 1
            except Refusal as refused:
                log.info("order.not_expired", order_id=order_id, reason=str(refused))
    for (event, account), orders in unserved.items():
        log.warning(event, account=account, stale_orders=orders)
    return canceled
