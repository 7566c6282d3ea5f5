"""What shoppers are told, in one line each: the log is followed, and what is due is handed over."""

from email.message import EmailMessage

from django.core import mail
from django.test import Client

from core.eventlog import following
from orders.mails.outbox import outbox
from orders.mails.sending import send_due_mails
from orders.tests.shopping import deliver_all
from tests.simulated import SimulatedStripe


def post_round() -> int:
    """As the two jobs do, one after the other; how many mails were sent."""
    following.follow(outbox)
    return send_due_mails()


def told() -> list[str]:
    """The subjects of all that was sent, oldest first."""
    return [str(sent.subject) for sent in mail.outbox]


def last_mail() -> EmailMessage:
    """As it went over the wire."""
    message: EmailMessage = mail.outbox[-1].message()
    return message


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content


def deliver_and_post(client: Client, stripe_side: SimulatedStripe) -> None:
    deliver_all(client, stripe_side)
    post_round()
