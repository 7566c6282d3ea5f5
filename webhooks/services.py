"""Receiving deliveries: the inbox row, the effect and the facts in one transaction; a failure's record in a second."""

from datetime import timedelta

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing.accounts import AccountNotConfigured, account_named
from billing.gateway.charges import Charges
from billing.gateway.disputes import Disputes
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.gateway.manager import ResourceManager
from billing.gateway.payment_intents import PaymentIntents
from billing.gateway.refunds import Refunds
from billing.gateway.sessions import Sessions
from core.configuration import Account
from core.eventlog import provenance
from core.rows import blank_row, insert_or_update
from core.trips import finish_writing, transaction_in_trips, write
from orders.services.forgetting import is_forgotten
from webhooks.dossier import UNDONE, claim_delivery, claimable, open_dossier
from webhooks.events import StripeEvent, parse_event, without_secrets
from webhooks.handlers import Outcome, handle_event, handle_gone, handle_reread, order_told_of
from webhooks.models import Delivery, DeliverySource, DeliveryState, PaymentLink
from webhooks.personal import without_person

log = structlog.get_logger()

AT_ONCE = 100
WAIT = timedelta(days=30)
# What a person may have handled again.
AGAIN = (*UNDONE, DeliveryState.REFUSED, DeliveryState.WAITING)
# Which manager reads an event's object again, by the kind of object. A review is only a flag: it is not read again.
READ_AGAIN: dict[str, type[ResourceManager]] = {
    "checkout.session": Sessions,
    "payment_intent": PaymentIntents,
    "charge": Charges,
    "refund": Refunds,
    "dispute": Disputes,
}
# How long after so many attempts a delivery is tried again by ourselves; the last pause lasts.
PAUSES = [timedelta(minutes=minutes) for minutes in (0, 1, 2, 5, 15, 60)]


class DeliveryFailedError(Exception):
    """A handler failed; its effect is rolled back, the delivery stays with the error, and Stripe will post it again."""


def receive_delivery(*, account: Account, event: StripeEvent, payload: bytes, source: DeliverySource) -> DeliveryState:
    """Store a verified event and let it have its effect, exactly once however often and concurrently it is posted.

    `source` says who vouches for it: its signature, or Stripe's answer to our question. Returns the delivery's state.
    Raises DeliveryFailedError when its handler failed, and the database's own error when nothing could be stored.
    """
    payload = without_secrets(payload)
    with provenance.acting(f"stripe:{account.name}", cause=event.id):
        try:
            return process_on_any_connection(account, event, payload, source)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # A second transaction: the first took the delivery's row with it when the handler's effect was rolled back.
            record_failure(account, event, payload, source, error)
            raise DeliveryFailedError(event.id) from error


def process_on_any_connection(
    account: Account, event: StripeEvent, payload: bytes, source: DeliverySource
) -> DeliveryState:
    """Once more where the connection turns out to be lost: a delivery has its effect once, however often it is tried.

    So nobody asks first whether the connection that was kept is still there, which would be a round trip.
    """
    kept = connection.connection
    connection.health_check_done = True  # type: ignore[attr-defined] # of Django's wrapper, unknown to its stubs
    try:
        return process_delivery(account, event, payload, source)
    except (OperationalError, InterfaceError):
        if connection.connection is kept:
            raise
        return process_delivery(account, event, payload, source)


def process_delivery(account: Account, event: StripeEvent, payload: bytes, source: DeliverySource) -> DeliveryState:
    """Two round trips where nothing is rare about it: what locks and reads, what writes and commits."""
    states = claimable(event)
    with transaction_in_trips():
        new = new_delivery(account, event, payload, source)
        dossier = open_dossier(account, event, event.data.object, states)
        delivery = dossier.delivery or new
        note_signature(delivery, source)
        if delivery.state not in states:
            log.info("delivery.duplicate", event_id=event.id, type=event.type)
            return DeliveryState(delivery.state)
        outcome = handle_event(account, event, dossier)
        finish_delivery(delivery, outcome, is_forgotten=dossier.is_forgotten)
        if dossier.has_waiting:
            adopt_waiting(account, outcome)
    return outcome.state


def new_delivery(account: Account, event: StripeEvent, payload: bytes, source: DeliverySource) -> Delivery:
    """As it is received: its row is inserted when it is known what became of it, in the same transaction."""
    return blank_row(
        Delivery,
        account=account.name,
        event_id=event.id,
        type=event.type,
        api_version=event.api_version or "",
        livemode=event.livemode,
        object_id=event.object_id,
        payload=payload,
        source=source,
        created_at=event.created_at,
        received_at=timezone.now(),
    )


def store(delivery: Delivery, *changed: str) -> None:
    write(insert_or_update(delivery, changed))


def note_signature(delivery: Delivery, source: DeliverySource) -> None:
    """A signature that comes after the backfill is on record too."""
    if source == DeliverySource.WEBHOOK and delivery.source != source:
        delivery.source = source
        store(delivery, "source")


def adopt_waiting(account: Account, outcome: Outcome) -> None:
    """Handle what waited for the payment that was just linked to its order, in the same transaction.

    One that fails takes nothing with it: its effect is rolled back to here, and the retry job carries it on.
    """
    if outcome.state == DeliveryState.WAITING or outcome.link is None:
        return
    waiting = Delivery.objects.select_for_update().filter(link=outcome.link, state=DeliveryState.WAITING)
    for delivery in waiting.order_by("pk"):
        event = parse_event(bytes(delivery.payload))
        try:
            with transaction.atomic(), provenance.acting(f"stripe:{account.name}", cause=event.id):
                dossier = open_dossier(account, event, event.data.object, [DeliveryState.WAITING], is_adopted=True)
                finish_delivery(delivery, handle_event(account, event, dossier), is_forgotten=dossier.is_forgotten)
                finish_writing()
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("delivery.failed", event_id=event.id, type=event.type)
            delivery.state = DeliveryState.FAILED
            put_off(delivery, error)


def finish_delivery(delivery: Delivery, outcome: Outcome, *, is_forgotten: bool) -> None:
    """`is_forgotten`: who ordered was, so that what comes in later brings nothing of them back."""
    delivery.state, delivery.reason, delivery.order_id = outcome.state, outcome.reason, outcome.order_id
    delivery.link = outcome.link if outcome.state == DeliveryState.WAITING else None
    delivery.attempts += 1
    delivery.handled_at = timezone.now()
    pause = pause_after(outcome)
    delivery.try_at = None if pause is None else timezone.now() + pause
    changed = ["state", "reason", "order_id", "link", "attempts", "handled_at", "try_at"]
    if outcome.order_id is not None and is_forgotten:
        delivery.payload = without_person(bytes(delivery.payload))
        changed.append("payload")
    store(delivery, *changed)
    log.info(
        "delivery.handled",
        event_id=delivery.event_id,
        type=delivery.type,
        state=outcome.state.value,
        reason=outcome.reason,
        order_id=outcome.order_id,
    )


def pause_after(outcome: Outcome) -> timedelta | None:
    """None where it is done with. What can't be read may be readable to the next release: it is tried, but seldom."""
    if outcome.state == DeliveryState.FAILED:
        return PAUSES[-1]
    return PAUSES[0] if outcome.state == DeliveryState.REFUSED and outcome.kind in READ_AGAIN else None


def record_failure(
    account: Account, event: StripeEvent, payload: bytes, source: DeliverySource, error: Exception
) -> None:
    log.error("delivery.failed", event_id=event.id, type=event.type, exc_info=error)
    with transaction.atomic(durable=True):
        delivery = claim_delivery(account, event) or new_delivery(account, event, payload, source)
        if delivery.state not in UNDONE:
            return
        delivery.state = DeliveryState.FAILED
        order_id = order_told_of(account.name, event)
        is_of_forgotten = order_id is not None and is_forgotten(order_id)
        if is_of_forgotten:
            delivery.payload = without_person(bytes(delivery.payload))
        put_off(delivery, error, *(["payload"] if is_of_forgotten else []))


def put_off(delivery: Delivery, error: Exception, *changed: str) -> None:
    """Note what went wrong and when to try again; `delivery` is locked, and what was done meanwhile stays done."""
    if delivery.state not in AGAIN:
        return
    delivery.reason = type(error).__name__
    if delivery.state != DeliveryState.WAITING:  # which is still to be found at its link
        delivery.link = None
    delivery.attempts += 1
    delivery.try_at = timezone.now() + PAUSES[min(delivery.attempts, len(PAUSES) - 1)]
    store(delivery, "state", "reason", "link", "attempts", "try_at", *changed)


def retry_deliveries() -> int:
    """Handle again what failed, and read again what came in another API version; returns how many are done now.

    Stripe posts a failed delivery again by itself, for three days at most, and a refused one never. Those of an account
    that is gone, or has keys of the other mode now, wait for it and do not keep the others waiting.
    """
    done = 0
    due = Delivery.objects.filter(try_at__lte=timezone.now())
    for name, livemode in list(due.values_list("account", "livemode").order_by("account").distinct()):
        of_account = due.filter(account=name, livemode=livemode).order_by("try_at")
        try:
            done += retry_of(account_named(name, livemode=livemode), of_account)
        except AccountNotConfigured as gone:
            log.warning(gone.event, account=name, deliveries=of_account.count())
    return done


def retry_of(account: Account, due: QuerySet[Delivery]) -> int:
    """It ends when Stripe does not answer for this account: the next run finds the rest."""
    done = 0
    for delivery_id in list(due.values_list("pk", flat=True)[:AT_ONCE]):
        try:
            done += retry_delivery(account, delivery_id)
        except StripeUnreachable:
            break
    return done


def retry_delivery(account: Account, delivery_id: int) -> bool:
    """Whether it could be handled now; why not is on record. Raises StripeUnreachable."""
    delivery = Delivery.objects.get(pk=delivery_id)
    again = {DeliveryState.REFUSED: read_again, DeliveryState.WAITING: look_again}
    try:
        again.get(DeliveryState(delivery.state), handle_again)(account, delivery)
    except DeliveryFailedError:
        return False
    except StripeUnreachable as silent:
        log.info("delivery.put_off", event_id=delivery.event_id)
        put_off_locked(delivery_id, silent)
        raise
    except Exception as error:
        log.exception("delivery.stuck", event_id=delivery.event_id)
        put_off_locked(delivery_id, error)
        return False
    return True


def put_off_locked(delivery_id: int, error: Exception) -> None:
    with transaction.atomic(durable=True):
        put_off(Delivery.objects.select_for_update().defer("payload").get(pk=delivery_id), error)


def give_up_waiting() -> int:
    """After 30 days what still waits belongs to a payment that is not ours; returns how many deliveries."""
    before = timezone.now() - WAIT
    with transaction.atomic(durable=True):
        old = Delivery.objects.select_for_update(skip_locked=True).filter(
            state=DeliveryState.WAITING, received_at__lt=before
        )
        ids = list(old.values_list("pk", flat=True))
        given_up = Delivery.objects.filter(pk__in=ids).update(
            state=DeliveryState.IGNORED, reason="not_ours", link=None, try_at=None
        )
        PaymentLink.objects.filter(order_id=None, waiting=None, seen_at__lt=before).delete()
    return given_up


def handle_again(account: Account, delivery: Delivery) -> None:
    """As if it had come in once more."""
    payload, source = bytes(delivery.payload), DeliverySource(delivery.source)
    receive_delivery(account=account, event=parse_event(payload), payload=payload, source=source)


def look_again(account: Account, delivery: Delivery) -> None:
    """Handle a delivery that waits: its payment may be known by now, else it waits on."""
    event = parse_event(bytes(delivery.payload))
    with transaction_in_trips(), provenance.acting(f"stripe:{account.name}", cause=event.id):
        dossier = open_dossier(account, event, event.data.object, [DeliveryState.WAITING])
        locked = dossier.delivery
        if locked is not None and locked.state == DeliveryState.WAITING:
            finish_delivery(locked, handle_event(account, event, dossier), is_forgotten=dossier.is_forgotten)


def read_again(account: Account, delivery: Delivery) -> None:
    """Handle a delivery of another API version with its object as Stripe has it now, in ours.

    Where Stripe refuses for good to show it, the delivery is done with. Raises StripeUnreachable.
    """
    event = parse_event(bytes(delivery.payload))
    with provenance.acting("system:reread", cause=event.id):
        manager = READ_AGAIN[event.data.object["object"]](account)
        try:
            stripe_object = manager.read("retrieve", target=event.object_id)
        except StripeRefused as refused:
            log.warning(
                "delivery.object_gone", event_id=event.id, object_id=event.object_id, reason=refused.ids["reason"]
            )
            stripe_object = None
        with transaction_in_trips():
            dossier = open_dossier(account, event, stripe_object or event.data.object, [DeliveryState.REFUSED])
            locked = dossier.delivery
            if locked is None or locked.state != DeliveryState.REFUSED:
                return
            if stripe_object is None:
                outcome = handle_gone(event, locked.order_id)
            else:
                outcome = handle_reread(account, event, stripe_object, dossier)
            is_of_forgotten = outcome.order_id is not None and is_forgotten(outcome.order_id)
            finish_delivery(locked, outcome, is_forgotten=is_of_forgotten)
            if dossier.has_waiting:
                adopt_waiting(account, outcome)
