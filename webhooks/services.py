"""Receiving deliveries: the inbox row, the effect and the facts in one transaction; a failure's record in a second
one.
"""

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from billing.accounts import account_named
from billing.gateway.manager import ResourceManager
from billing.gateway.payment_intents import PaymentIntents
from billing.gateway.sessions import Sessions
from core.configuration import Account
from core.eventlog import provenance
from webhooks.events import StripeEvent, parse_event
from webhooks.handlers import Outcome, handle_event, tell_order
from webhooks.models import Delivery, DeliveryState

log = structlog.get_logger()

READ_AGAIN_TASK = "webhooks.read_again"
UNDONE = (DeliveryState.RECEIVED, DeliveryState.FAILED)
# Which manager reads an event's object again, by the type's first word.
READ_AGAIN: dict[str, type[ResourceManager]] = {"checkout": Sessions, "payment_intent": PaymentIntents}

INSERT_ONCE = """
    INSERT INTO webhooks_delivery
        (account, event_id, type, api_version, livemode, object_id, payload, state, reason, attempts, received_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'received', '', 0, %s)
    ON CONFLICT (account, event_id) DO NOTHING
"""


class DeliveryFailedError(Exception):
    """A handler failed; its effect is rolled back, the delivery stays with the error, and Stripe will post it again."""


def receive_delivery(*, account: Account, event: StripeEvent, payload: bytes) -> DeliveryState:
    """Store a verified event and let it have its effect, exactly once however often and concurrently it is posted.

    Returns the delivery's state. Raises DeliveryFailedError when its handler failed, and the database's own error when
    nothing could be stored.
    """
    with provenance.acting(f"stripe:{account.name}", cause=event.id):
        try:
            return process_delivery(account, event, payload)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # A second transaction: the first took the delivery's row with it when the handler's effect was rolled back.
            record_failure(account, event, payload, error)
            raise DeliveryFailedError(event.id) from error


def process_delivery(account: Account, event: StripeEvent, payload: bytes) -> DeliveryState:
    with transaction.atomic(durable=True):
        delivery = claim_delivery(account, event, payload)
        if delivery.state not in UNDONE:
            log.info("delivery.duplicate", event_id=event.id, type=event.type)
            return DeliveryState(delivery.state)
        outcome = handle_event(account, event)
        finish_delivery(delivery, outcome)
        if outcome.state == DeliveryState.REFUSED:
            # By name, since the task stands above its service; deferred in this transaction, so it is queued exactly
            # once.
            app.configure_task(READ_AGAIN_TASK).defer(delivery_id=delivery.pk)
    return outcome.state


def claim_delivery(account: Account, event: StripeEvent, payload: bytes) -> Delivery:
    """The event's one row, locked. A concurrent post of the same event waits here until the first one's transaction
    ends.
    """
    values = (
        account.name,
        event.id,
        event.type,
        event.api_version or "",
        event.livemode,
        event.object_id,
        payload,
        timezone.now(),
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ONCE, values)
    return Delivery.objects.select_for_update().defer("payload").get(account=account.name, event_id=event.id)


def finish_delivery(delivery: Delivery, outcome: Outcome) -> None:
    delivery.state, delivery.reason, delivery.order_id = outcome.state, outcome.reason, outcome.order_id
    delivery.attempts += 1
    delivery.handled_at = timezone.now()
    delivery.save(update_fields=["state", "reason", "order_id", "attempts", "handled_at"])
    log.info(
        "delivery.handled",
        event_id=delivery.event_id,
        type=delivery.type,
        state=outcome.state.value,
        reason=outcome.reason,
        order_id=outcome.order_id,
    )


def record_failure(account: Account, event: StripeEvent, payload: bytes, error: Exception) -> None:
    log.error("delivery.failed", event_id=event.id, type=event.type, exc_info=error)
    with transaction.atomic(durable=True):
        delivery = claim_delivery(account, event, payload)
        if delivery.state not in UNDONE:
            return
        delivery.state, delivery.reason = DeliveryState.FAILED, type(error).__name__
        delivery.attempts += 1
        delivery.save(update_fields=["state", "reason", "attempts"])


def read_again(*, delivery_id: int) -> None:
    """Handle a delivery of another API version with its object as Stripe has it now, in ours.

    Raises StripeRefused or StripeUnreachable; the job is then tried again.
    """
    delivery = Delivery.objects.get(pk=delivery_id)
    account = account_named(delivery.account)
    event = parse_event(bytes(delivery.payload))
    with provenance.acting("system:reread", cause=event.id):
        manager = READ_AGAIN[event.type.split(".")[0]](account)
        stripe_object = manager.read("retrieve", target=event.object_id)
        with transaction.atomic(durable=True):
            delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
            if delivery.state == DeliveryState.REFUSED and delivery.order_id is not None:
                outcome = tell_order(account, event.id, event.type, stripe_object, delivery.order_id)
                finish_delivery(delivery, outcome)
