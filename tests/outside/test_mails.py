"""From a payment to the mail in its shopper's hands, through every process of the shop."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.shop import Shop, Shopper, wait_for

# The log is followed every 15 seconds.
LONG = 60


# Django's file backend writes it behind each mail; a file holds all that were sent in one go.
END = b"\n" + b"-" * 79 + b"\n"


def mails_about(folder: Path, order_id: int) -> list[EmailMessage]:
    written = [content for file in folder.glob("*.log") for content in file.read_bytes().split(END)]
    mails = [message_from_bytes(content, policy=policy.default) for content in written]
    return [mail for mail in mails if mail["Message-ID"] == f"<order-{order_id}-paid@127.0.0.1>"]


def test_a_payment_is_told_by_mail_with_a_link_that_opens_its_order(shop: Shop, shopper: Shopper) -> None:
    bought = shopper.buy()
    shop.stripe.pay(bought["url"], email="ann.other@shop.example")
    wait_for(lambda: mails_about(shop.mails, bought["order_id"]), LONG)
    [mail] = mails_about(shop.mails, bought["order_id"])
    assert mail["To"] == "ann.other@shop.example"
    text = mail.get_body(("plain",))
    assert text
    assert f"{shop.url}/order/{bought['order_id']}?token=" in text.get_content()
    wait_for(lambda: "order.mail_sent" in story(shop, bought["order_id"]))
    assert shop.findings("replay", "--check") == (0, [])


def story(shop: Shop, order_id: int) -> list[str]:
    return [row["kind"] for row in shop.sql("SELECT kind FROM core_event WHERE stream = %s", f"order-{order_id}")]
