"""What a mail says, and what can never be smuggled into it."""

import re
from typing import Any

import pytest
from django.utils import timezone

from core.tests.streams import draft_order
from orders.mails.sending import send_due_mails
from orders.mails.writing import write_mail
from orders.models import Contact, Item, Mail, MailKind, Order
from orders.tests.mail_servers import mail_server
from orders.tests.mailing import body_of


def of_paid(order: Order) -> Mail:
    now = timezone.now()
    return Mail(id=f"{order.pk}-paid", order_id=order.pk, kind=MailKind.PAID, made_at=now, try_at=now)


@pytest.mark.django_db
@pytest.mark.parametrize(("total", "said"), [(1850, "We received your payment"), (0, "There was nothing to pay")])
def test_an_order_of_zero_was_not_paid_with_money(total: int, said: str) -> None:
    order = Order(pk=7, state="paid", currency="usd", total=total, paid_at=timezone.now())
    message = write_mail(of_paid(order), order, "ann@shop.example").message()
    assert said in body_of(message, "plain")
    assert said in body_of(message, "html")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("part", ["plain", "html"])
def test_who_ordered_in_russian_is_written_to_in_russian_alone(kind: MailKind, part: str) -> None:
    order = Order(pk=7, state="paid", currency="usd", total=1850, paid_at=timezone.now(), language="ru")
    mail = of_paid(order)
    mail.kind = kind
    message = write_mail(mail, order, "ann@shop.example").message()
    words = re.sub(r"<[^>]*>|http\S+|&\w+;|\{[^}]*\}", " ", body_of(message, part))
    assert set(re.findall(r"[A-Za-z]{2,}", words)) <= {"Countersign"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "address", ["a@shop.example\nBcc: b@shop.example", "a@shop.example\r\n\r\nhello", "a@shop.example, b@shop.example"]
)
def test_an_address_that_is_more_than_one_is_written_to_by_nobody(mug: Item, address: str, settings: Any) -> None:
    """Nothing keeps such a one, but a row may have come from elsewhere."""
    order = draft_order(mug).root
    Order.objects.filter(pk=order.pk).update(paid_at=timezone.now())
    Contact.objects.create(order_id=order.pk, email=address, heard_at=timezone.now())
    row = of_paid(order)
    row.kind, row.reference = MailKind.REFUNDED, "re_1"
    row.save()
    order.refunds.create(
        id=f"{order.pk}-re_1", refund_id="re_1", status="succeeded", amount=1, currency="usd", updated_at=timezone.now()
    )
    with mail_server() as server:
        settings.MAILERS = server.mailers
        assert send_due_mails() == 0
    row.refresh_from_db()
    assert (row.state, row.error) == ("waiting", "ValueError")
    assert server.taken == []
