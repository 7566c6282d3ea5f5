"""The projection `orders.mails`: events that are news for a shopper, each made into one Mail.

The log is the outbox: what an order's transaction did is what its shopper is told, and nothing on its way waits for a
mail server.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Model
from django.utils import timezone
from procrastinate.contrib.django import app

from core.eventlog.append import RecordedFact, read_facts
from core.eventlog.following import Finding, Projection
from core.models import Event
from orders.events import OrderPaid, OrderPaymentUpdated, OrderRefundUpdated
from orders.models import Checkout, Mail, MailKind, PaymentSource, PaymentStatus
from orders.sums import REFUND_MADE

SEND_JOB = "orders.send_mails"
PAYMENT_UPDATED = "order.payment_updated"
# Older news are none: of a log that was not followed for long, or of generated orders.
WAIT = timedelta(days=7)
TELLING = ("order.paid", "order.refund_updated", PAYMENT_UPDATED)


def is_on() -> bool:
    return bool(settings.MAILERS)


class Outbox:
    name = "orders.mails"
    from_now_on = True
    tables: Mapping[type[Model], Sequence[str]] = {}

    def project(self, events: list[Event]) -> None:
        """Where mail is off nothing is kept: what was news then is none when it is turned on."""
        if not is_on():
            return
        since = timezone.now() - WAIT
        news = [event for event in events if event.kind in TELLING and event.recorded_at > since]
        mails = [mail for told in read_facts(news) for mail in mails_about(told)]
        if mails:
            Mail.objects.bulk_create(mails, ignore_conflicts=True)
            app.configure_task(SEND_JOB).defer()

    def forget(self) -> None:
        """What was sent stays sent: as `from_now_on` says, a rebuild does not ask for it."""

    def contradictions(self) -> Iterator[Finding]:
        yield from ()


outbox: Projection = Outbox()


def mails_about(told: RecordedFact) -> Iterator[Mail]:
    match told.fact:
        case OrderPaid():
            yield mail_of(told.event, MailKind.PAID)
        case OrderRefundUpdated(status=status) as refund if status == REFUND_MADE:
            yield mail_of(told.event, MailKind.REFUNDED, refund.refund)
        case OrderPaymentUpdated(status=PaymentStatus.FAILED) as payment:
            if reference := failed_later(told.event, payment):
                yield mail_of(told.event, MailKind.PAYMENT_FAILED, reference)


def mail_of(event: Event, kind: MailKind, reference: str = "") -> Mail:
    at = event.recorded_at
    key = "-".join(filter(None, [str(order_of(event)), kind, reference]))
    return Mail(id=key, order_id=order_of(event), kind=kind, reference=reference, made_at=at, try_at=at)


def order_of(event: Event) -> int:
    return int(event.stream.removeprefix("order-"))


def failed_later(event: Event, payment: OrderPaymentUpdated) -> str:
    """What failed after the shopper had gone, '' for a card that was declined before their eyes.

    A Session that failed was completed before. On our own page a PaymentIntent takes several attempts, each with a
    charge of its own: those that were seen processing are the delayed ones.
    """
    if payment.source == PaymentSource.SESSION:
        return payment.payment_intent
    on_our_page = Checkout.objects.filter(order_id=order_of(event), payment_intent=payment.payment_intent)
    was_processing = Event.objects.filter(
        stream=event.stream,
        version__lt=event.version,
        kind=PAYMENT_UPDATED,
        data__source_id=payment.source_id,
        data__status=PaymentStatus.PROCESSING,
    )
    return payment.source_id if on_our_page.exists() and was_processing.exists() else ""
