"""A mail in words: text and HTML, in the order's language, with amounts as that language writes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from core.locales import spoken_locale
from core.money import format_money
from orders.links import order_url
from orders.models import Mail, MailKind, Order
from orders.quote import quote_of
from orders.representations import money_table

# In gettext's `%` way, with the order's number and the shop's name.
SUBJECTS = {
    MailKind.PAID: translation.gettext_noop("Order %(number)s is paid"),
    MailKind.REFUNDED: translation.gettext_noop("A refund for order %(number)s"),
    MailKind.PAYMENT_FAILED: translation.gettext_noop("The payment for order %(number)s did not go through"),
}


def write_mail(mail: Mail, order: Order, address: str) -> EmailMultiAlternatives:
    """The same mail whenever it is written: its Message-ID is made of its key (RFC 5322, 3.6.4), so that a repeat can
    be told for one. The order comes with its lines and refunds.
    """
    with speaking(order.language):
        context = context_of(mail, order)
        message = EmailMultiAlternatives(
            subject=f"{gettext(SUBJECTS[MailKind(mail.kind)]) % {'number': order.pk}} · {settings.SHOP_NAME}",
            body=render_to_string(f"orders/mail/{mail.kind}.txt", context),
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[address],
            headers={
                "Message-ID": message_id(mail),
                "Content-Language": order.language,
                # RFC 3834: nobody's holiday greeting answers it.
                "Auto-Submitted": "auto-generated",
            },
        )
        message.attach_alternative(render_to_string(f"orders/mail/{mail.kind}.html", context), "text/html")
    return message


def context_of(mail: Mail, order: Order) -> dict[str, Any]:
    given = next((refund for refund in order.refunds.all() if refund.refund_id == mail.reference), None)
    address = order_url(order)
    return {
        "order": order,
        "shop": settings.SHOP_NAME,
        "language": order.language,
        "lines": quote_of(order).lines,
        "money": money_table(order),
        "refund": format_money(given.amount, given.currency) if given else "",
        "order_url": address,
        "receipt_url": receipt_beside(address, order.pk) if order.paid_at else "",
    }


def receipt_beside(order_address: str, order_id: int) -> str:
    """The receipt's address with the same token."""
    return urlunsplit(urlsplit(order_address)._replace(path=reverse("receipt", args=[order_id])))


def message_id(mail: Mail) -> str:
    return f"<order-{mail.pk}@{urlsplit(settings.PUBLIC_URL).hostname}>"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    token = spoken_locale.set(language)
    try:
        with translation.override(language):
            yield
    finally:
        spoken_locale.reset(token)
