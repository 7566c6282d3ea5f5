"""What shoppers are told by e-mail: once, in their language, and nothing that is not true any more."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time
from structlog.testing import capture_logs

from core.eventlog import following
from core.eventlog.replay import check_rows
from core.models import Event
from orders.mails.outbox import WAIT, outbox
from orders.mails.sending import send_due_mails
from orders.models import Item, Mail, MailState, Order
from orders.tests.mailing import body_of, deliver_and_post, last_mail, post_round, told
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)

IN_MEMORY = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
TYPED = "ann.other@shop.example"
PAID = "Order {order} is paid · Countersign"
REFUNDED = "A refund for order {order} · Countersign"
FAILED = "The payment for order {order} did not go through · Countersign"


@pytest.fixture(autouse=True)
def _followed_from_now_on(db: None) -> None:
    following.follow(outbox)


@pytest.fixture
def bought(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> dict[str, Any]:
    """Paid at Stripe, who has not told us yet."""
    found = buy(shopper, mug)
    stripe_side.pay(found["url"], email=TYPED)
    return found


@pytest.fixture
def paid(shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe) -> Order:
    """And its shopper was told so."""
    deliver_and_post(shopper, stripe_side)
    return Order.objects.get(pk=bought["order_id"])


def states() -> dict[str, str]:
    return dict(Mail.objects.order_by("made_at", "pk").values_list("kind", "state"))


def named(*subjects: str, order: int) -> list[str]:
    return [subject.format(order=order) for subject in subjects]


def charge_of(stripe_side: SimulatedStripe) -> str:
    return str(stripe_side.objects("charge")[-1]["id"])


class TestAPaidOrder:
    def test_is_told_once_to_the_address_that_was_typed_at_stripe(
        self, shopper: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        for _ in range(2):
            deliver_and_post(shopper, stripe_side)
        assert told() == named(PAID, order=paid.pk)
        assert mail.outbox[0].to == [TYPED]
        [row] = Mail.objects.all()
        assert (row.pk, row.state, row.error) == (f"{paid.pk}-paid", "sent", "")
        assert row.sent_at

    @pytest.mark.parametrize("seed", range(3))
    def test_is_told_once_in_whatever_order_its_events_come_and_its_log_is_followed(
        self, shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe, seed: int
    ) -> None:
        events = stripe_side.objects("event") * 2
        random.Random(seed).shuffle(events)  # noqa: S311 no secret
        for event in events:
            assert post_event(shopper, event).status_code == 200
            post_round()
        assert told() == named(PAID, order=bought["order_id"])

    def test_waits_for_the_address(self, shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe) -> None:
        post_event(shopper, stripe_side.event("charge.succeeded"))
        assert Order.objects.get().state == "paid"
        assert post_round() == 0
        assert states() == {"paid": "waiting"}
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        assert post_round() == 1

    def test_is_given_up_when_no_address_is_heard_for_a_week(
        self, shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe
    ) -> None:
        post_event(shopper, stripe_side.event("charge.succeeded"))
        post_round()
        with freeze_time(timezone.now() + WAIT + timedelta(minutes=1)):
            send_due_mails()
        [row] = Mail.objects.all()
        assert (row.state, row.error) == (MailState.GIVEN_UP, "no_contact")
        deliver_and_post(shopper, stripe_side)
        assert told() == []

    def test_is_no_news_when_the_log_is_followed_a_week_later(
        self, shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe
    ) -> None:
        deliver_all(shopper, stripe_side)
        with freeze_time(timezone.now() + WAIT + timedelta(minutes=1)):
            post_round()
        assert not Mail.objects.exists()

    def test_says_what_was_paid_and_where_the_receipt_is(self, client: Client, paid: Order) -> None:
        message = last_mail()
        text, page = body_of(message, "plain"), body_of(message, "html")
        for content in (text, page):
            assert "We received your payment" in content
            assert "Enamel mug" in content
            assert "$18.50" in content
        addresses = [line for line in text.splitlines() if line.startswith("http")]
        assert [address.partition("?")[0].rpartition("/order/")[2] for address in addresses] == [
            str(paid.pk),
            f"{paid.pk}/receipt",
        ]
        for address in addresses:
            assert Client().get(address.removeprefix("http://127.0.0.1:8000")).status_code == 200
        assert "http://127.0.0.1:8000/order/" in page
        assert "<img" not in page

    def test_can_be_told_for_a_repeat(self, paid: Order) -> None:
        Mail.objects.update(state="waiting", try_at=timezone.now())
        assert send_due_mails() == 1
        first, second = (sent.message() for sent in mail.outbox)
        assert first["Message-ID"] == second["Message-ID"] == f"<order-{paid.pk}-paid@127.0.0.1>"
        assert first["Auto-Submitted"] == "auto-generated"

    def test_is_not_told_once_all_of_it_was_given_back(
        self, shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.refund(charge_of(stripe_side))
        deliver_and_post(shopper, stripe_side)
        assert told() == named(REFUNDED, order=bought["order_id"])
        assert states() == {"paid": "overtaken", "refunded": "sent"}


class TestARefund:
    def test_is_told_each_by_itself_whoever_made_it(
        self, shopper: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        refunds = [stripe_side.refund(charge_of(stripe_side), amount=amount) for amount in (850, 500)]
        deliver_and_post(shopper, stripe_side)
        assert sorted(told()) == sorted(named(PAID, REFUNDED, REFUNDED, order=paid.pk))
        texts = [body_of(sent.message(), "plain") for sent in mail.outbox[1:]]
        assert sorted(text.splitlines()[0] for text in texts) == ["We gave $5.00 back", "We gave $8.50 back"]
        assert all("five to ten business days" in text for text in texts)
        stripe_side.refund(charge_of(stripe_side))
        deliver_and_post(shopper, stripe_side)
        assert told()[3:] == named(REFUNDED, order=paid.pk)
        assert {row.reference for row in Mail.objects.filter(kind="refunded")} > set(refunds)

    def test_that_failed_before_it_could_be_told_is_not(
        self, shopper: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        refund = stripe_side.refund(charge_of(stripe_side))
        deliver_all(shopper, stripe_side)
        stripe_side.move("refunds", refund, status="failed")
        deliver_and_post(shopper, stripe_side)
        assert told() == named(PAID, order=paid.pk)
        assert states()["refunded"] == "overtaken"

    def test_of_which_more_is_heard_later_is_told_once(
        self, shopper: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.refund(charge_of(stripe_side))
        whole = stripe_side.event("refund.created")
        bare = json.loads(json.dumps(whole)) | {"id": "evt_bare"}
        bare["data"]["object"]["charge"] = None
        for event in (bare, whole):
            post_event(shopper, event)
            post_round()
        assert Event.objects.filter(kind="order.refund_updated").count() == 2
        assert told()[1:] == named(REFUNDED, order=paid.pk)

    def test_that_is_pending_is_told_when_it_was_made(
        self, shopper: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.refund(charge_of(stripe_side))
        created = stripe_side.event("refund.created")
        made = json.loads(json.dumps(created)) | {"id": "evt_made", "type": "refund.updated"}
        created["data"]["object"]["status"] = "pending"
        post_event(shopper, created)
        assert post_round() == 0
        post_event(shopper, made)
        assert post_round() == 1


class TestADelayedPaymentThatFailed:
    def test_is_told_with_the_way_to_pay_again(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], email=TYPED, **{"async": "fail"})
        deliver_and_post(shopper, stripe_side)
        assert told() == []
        stripe_side.advance(10 * 24 * 3600)
        for _ in range(2):
            deliver_and_post(shopper, stripe_side)
        assert told() == named(FAILED, order=bought["order_id"])
        text = body_of(last_mail(), "plain")
        assert f"/order/{bought['order_id']}?token=" in text
        assert "receipt" not in text.lower()

    @pytest.mark.parametrize("step", [1, -1])
    def test_is_told_once_whichever_of_its_objects_is_heard_of_first(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, step: int
    ) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], email=TYPED, **{"async": "fail"})
        deliver_all(shopper, stripe_side)
        before = len(stripe_side.objects("event"))
        stripe_side.advance(10 * 24 * 3600)
        for event in stripe_side.objects("event")[before:][::step]:
            post_event(shopper, event)
            post_round()
        assert told() == named(FAILED, order=bought["order_id"])

    def test_is_not_told_while_another_payment_is_on_its_way(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], email=TYPED, **{"async": "fail"})
        stripe_side.advance(10 * 24 * 3600)
        deliver_all(shopper, stripe_side)
        stripe_side.pay(buy(shopper, mug)["url"], email=TYPED, **{"async": "1"})
        deliver_and_post(shopper, stripe_side)
        assert states() == {"payment_failed": "overtaken"}

    def test_is_not_told_once_the_order_was_paid_otherwise(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], email=TYPED, **{"async": "fail"})
        stripe_side.advance(10 * 24 * 3600)
        deliver_all(shopper, stripe_side)
        stripe_side.pay(buy(shopper, mug)["url"], email=TYPED)
        deliver_and_post(shopper, stripe_side)
        assert told() == named(PAID, order=bought["order_id"])
        assert states() == {"paid": "sent", "payment_failed": "overtaken"}

    def test_of_our_own_page_is_told_for_a_debit_and_not_for_a_declined_card(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        shopper.post("/basket/items", {"item": mug.pk, "quantity": 2}, content_type="application/json")
        order = shopper.post("/basket/checkout", {"pay": "here"}, content_type="application/json").json()["order_id"]
        opened = shopper.post(f"/order/{order}/payment-intent", headers={"accept": "application/json"}).json()
        email = {"payment_method_data[billing_details][email]": TYPED}
        stripe_side.confirm(opened["client_secret"], card="4000000000000002", **email)
        debit = {"payment_method_data[type]": "bank_debit", "payment_method_data[bank_debit][fails]": "true"}
        stripe_side.confirm(opened["client_secret"], **debit, **email)
        deliver_and_post(shopper, stripe_side)
        assert not Mail.objects.exists()
        stripe_side.advance(10 * 24 * 3600)
        deliver_and_post(shopper, stripe_side)
        assert told() == named(FAILED, order=order)


class TestLanguages:
    def test_a_mail_is_in_the_orders_language_with_its_amounts(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        Order.objects.update(language="ru")
        stripe_side.pay(bought["url"], email=TYPED)
        deliver_and_post(shopper, stripe_side)
        message = last_mail()
        assert message["Content-Language"] == "ru"
        assert "18,50\xa0$" in body_of(message, "plain")
        assert '<html lang="ru">' in body_of(message, "html")

    def test_names_with_markup_are_text(self, shopper: Client, stripe_side: SimulatedStripe) -> None:
        item = Item.objects.create(name="<b>Pen</b> & ink", price=1000, currency="usd")
        shopper.get(f"/item/{item.pk}")
        stripe_side.pay(buy(shopper, item)["url"], email=TYPED)
        deliver_and_post(shopper, stripe_side)
        assert "<b>Pen</b> & ink" in body_of(last_mail(), "plain")
        assert "&lt;b&gt;Pen&lt;/b&gt; &amp; ink" in body_of(last_mail(), "html")


class TestTheRecord:
    def test_says_that_it_was_sent_and_not_to_whom(
        self, shopper: Client, bought: dict[str, Any], stripe_side: SimulatedStripe
    ) -> None:
        with capture_logs() as lines:
            deliver_and_post(shopper, stripe_side)
        [sent] = Event.objects.filter(kind="order.mail_sent")
        assert (sent.stream, sent.data) == (f"order-{bought['order_id']}", {"kind": "paid", "reference": ""})
        assert sent.actor == "system:mails"
        kept = json.dumps(
            [list(Event.objects.values_list("data", "actor", "cause")), list(Mail.objects.values())], default=str
        )
        assert "mail.sent" in str(lines)
        assert "ann.other" not in f"{kept}{lines}".lower()
        assert not list(check_rows())

    def test_is_read_in_the_orders_story(self, paid: Order, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("explain", str(paid.pk))
        assert "An e-mail was sent: the order is paid" in capsys.readouterr().out

    def test_staff_see_what_waits_and_why_without_an_address(self, admin_client: Client, paid: Order) -> None:
        for path in ("", f"{paid.pk}-paid/change/"):
            page = admin_client.get(f"/admin/orders/mail/{path}")
            assert page.status_code == 200
            assert f"{paid.pk}-paid" in page.content.decode()
            assert "ann.other" not in page.content.decode()
