"""`python -m tests.chaos.refunder`: staff that refund paid orders at a steady rate, until this process is killed."""

import os
import time
from random import Random
from uuid import uuid4

import django

django.setup()

import structlog  # noqa: E402 as below
from django.db import DatabaseError, close_old_connections  # noqa: E402 the models need the settings

from billing.gateway.errors import StripeUnreachable  # noqa: E402
from core.eventlog import provenance  # noqa: E402
from core.refusals import Refusal  # noqa: E402
from orders.models import Order, OrderState, PaymentStatus  # noqa: E402
from orders.services.refunding import refund_payment  # noqa: E402
from tests.chaos.house import drawn_from  # noqa: E402

PAUSE_SECONDS = 0.5
TRIES = 4
# One order in so many is given money back by us.
SHARE = 3

log = structlog.get_logger()


def refund_some_order(rng: Random) -> None:
    """A part or all of what is left of one payment; the same request again while nobody knows what became of it."""
    found = Order.objects.filter(state__in=[OrderState.PAID, OrderState.PARTIALLY_REFUNDED]).order_by("-pk")
    chosen = [order for order in found[:60] if order.pk % SHARE == 0]
    if not chosen:
        return
    order = rng.choice(chosen)
    payment = order.payments.filter(status=PaymentStatus.SUCCEEDED).first()
    if payment is None:
        return
    left = order.received - order.refunded
    amount, call_id = rng.choice([left, max(1, order.total // 3)]), uuid4()
    for _ in range(TRIES):
        try:
            refund_payment(
                order_id=order.pk,
                payment_intent=payment.payment_intent,
                amount=amount,
                reason="requested_by_customer",
                call_id=call_id,
            )
        except (StripeUnreachable, DatabaseError) as error:
            log.warning("refunder.again", order_id=order.pk, reason=type(error).__name__)
            close_old_connections()
            time.sleep(1)
        else:
            return


def main() -> None:
    # After each start other orders and amounts.
    rng = drawn_from(os.environ["CHAOS_SEED"], f"refunder {time.time() // 10}")
    while True:
        time.sleep(rng.uniform(0, 2 * PAUSE_SECONDS))
        try:
            with provenance.acting("staff:1"):
                refund_some_order(rng)
        except (Refusal, DatabaseError) as error:
            log.info("refunder.refused", reason=str(error))
            close_old_connections()


if __name__ == "__main__":
    main()
