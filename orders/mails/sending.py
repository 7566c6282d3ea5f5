"""Handing mails over: no transaction is open meanwhile, and what nobody can know is sent once more.

A mail is put off before it is sent and marked as sent after (docs/decisions/0018-mail-follows-the-log.md).
"""

import smtplib
import ssl
from datetime import timedelta

import structlog
from django.core.mail import mailers
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core.eventlog import provenance
from core.startup import checks
from orders.events import OrderMailSent
from orders.mails.outbox import WAIT, is_on
from orders.mails.writing import write_mail
from orders.models import FORGOTTEN, Contact, Mail, MailKind, MailState, Order, OrderState, PaymentStatus
from orders.projections import OrderAggregate
from orders.sums import REFUND_MADE

log = structlog.get_logger()

AT_ONCE = 50
# How long after so many attempts the next one comes. The first is longer than a conversation with a server that
# answers each step at the last moment: a mail that is being sent is not due.
PAUSES = [timedelta(minutes=5), timedelta(minutes=15), *(timedelta(hours=hours) for hours in (1, 4, 12, 24, 24))]
NO_CONTACT = "no_contact"
# The server has said no to this mail, or its address can't be written; anything else concerns all of them.
OF_THIS_MAIL = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, ValueError)


def send_due_mails() -> int:
    """Send what is due and has a reader, at most AT_ONCE; returns how many were sent. Safe to run twice at once."""
    if not is_on():
        return 0
    give_up_late_mails()
    sent = 0
    for _ in range(AT_ONCE):
        mail = claim_due_mail()
        if mail is None:
            break
        try:
            sent += send_mail(mail)
        except OSError:
            break  # the rest is tried by the next run
    return sent


def claim_due_mail() -> Mail | None:
    """The mail that has been due longest, put off as if the attempt had failed: who is killed in it leaves it so."""
    now = timezone.now()
    known = Contact.objects.filter(order_id=OuterRef("order_id")).exclude(email=FORGOTTEN)
    due = Mail.objects.filter(Exists(known), state=MailState.WAITING, try_at__lte=now).order_by("try_at", "pk")
    with transaction.atomic(durable=True):
        mail = due.select_for_update(skip_locked=True, of=("self",)).first()
        if mail is not None:
            mail.try_at = now + PAUSES[min(mail.attempts, len(PAUSES) - 1)]
            mail.attempts += 1
            mail.save(update_fields=["try_at", "attempts"])
    return mail


def send_mail(mail: Mail) -> bool:
    """Whether it was handed over. Raises OSError when the server takes nothing from us now."""
    contact = Contact.objects.filter(order_id=mail.order_id).exclude(email=FORGOTTEN).first()
    if contact is None:
        return False  # forgotten meanwhile
    order = Order.objects.prefetch_related("lines", "payments", "refunds").get(pk=mail.order_id)
    if not is_still_true(mail, order):
        end(mail, MailState.OVERTAKEN)
        return False
    message = write_mail(mail, order, contact.email)
    try:
        mailers.default.send_messages([message])
    except OF_THIS_MAIL as refused:
        note_failure(mail, refused)
        if isinstance(refused, ssl.SSLError):  # one of a bad certificate is a ValueError, too
            raise
        return False
    except OSError as failed:
        note_failure(mail, failed)
        raise
    record_sent(mail)
    return True


def is_still_true(mail: Mail, order: Order) -> bool:
    """Whether the shopper should still hear it: what came after may have made it wrong, or tells it better."""
    match mail.kind:
        case MailKind.PAID:
            return order.state in {OrderState.PAID, OrderState.PARTIALLY_REFUNDED}
        case MailKind.REFUNDED:
            made = (refund.refund_id for refund in order.refunds.all() if refund.status == REFUND_MADE)
            return mail.reference in made
        case _:
            return order.state == OrderState.PENDING and not is_being_paid_otherwise(mail, order)


def is_being_paid_otherwise(mail: Mail, order: Order) -> bool:
    """Whether another payment than the one that failed is on its way, or has come.

    What failed is told by several objects, one after another: those of them that don't know yet decide nothing.
    """
    others = (word for word in order.payments.all() if mail.reference not in {word.payment_intent, word.source_id})
    return any(word.status != PaymentStatus.FAILED for word in others)


def record_sent(mail: Mail) -> None:
    """Of two who sent it at once, one puts it on record. Locks the order, then the mail."""
    with provenance.acting("system:mails"), OrderAggregate.locked(mail.order_id) as order:
        if end(mail, MailState.SENT):
            order.record(OrderMailSent(kind=mail.kind, reference=mail.reference))
    log.info("mail.sent", mail=mail.pk, order_id=mail.order_id, attempts=mail.attempts)


def note_failure(mail: Mail, error: Exception) -> None:
    """Neither row nor log holds the server's words, which may hold the address."""
    reason = code_of(error)
    log.warning("mail.refused", mail=mail.pk, order_id=mail.order_id, attempts=mail.attempts, reason=reason)
    if mail.attempts > len(PAUSES):
        end(mail, MailState.GIVEN_UP, reason)
    else:
        Mail.objects.filter(pk=mail.pk, state=MailState.WAITING).update(error=reason)


def code_of(error: Exception) -> str:
    """`SMTPRecipientsRefused 550`: the kind of error, and the reply code (RFC 5321, 4.2) if the server gave one."""
    codes = [str(getattr(error, "smtp_code", ""))]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [str(code) for code, _words in error.recipients.values()]
    return " ".join(filter(None, [type(error).__name__, *codes]))


def end(mail: Mail, state: MailState, error: str = "") -> bool:
    """Whether it was not over before."""
    sent_at = timezone.now() if state == MailState.SENT else None
    waiting = Mail.objects.filter(pk=mail.pk, state=MailState.WAITING)
    return bool(waiting.update(state=state, error=error, try_at=None, sent_at=sent_at))


def give_up_late_mails() -> None:
    """What could not be sent in time: nobody knew an address, or no server took it."""
    now = timezone.now()
    late = Mail.objects.filter(state=MailState.WAITING, made_at__lt=now - WAIT, try_at__lte=now)
    unread = late.filter(attempts=0).update(state=MailState.GIVEN_UP, error=NO_CONTACT, try_at=None)
    untaken = late.update(state=MailState.GIVEN_UP, try_at=None)
    if unread or untaken:
        log.warning("mail.given_up", without_contact=unread, not_taken=untaken)


def warn_that_mail_is_off() -> None:
    if not is_on():
        log.warning("mail.off", unset="EMAIL_URL")


checks.append(warn_that_mail_is_off)
