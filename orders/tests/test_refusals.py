"""What an order does not take is on record with it: by whom, why, and once."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from core.eventlog import provenance
from core.eventlog.replay import check_rows
from core.models import Event
from core.tests.streams import draft_order
from orders.decisions.canceling import OrderNotCancelable
from orders.decisions.commands import CommandRefused
from orders.decisions.placing import OrderNotPayable
from orders.decisions.refunding import OrderNotRefundable
from orders.models import Item, Order
from orders.services.canceling import cancel_order
from orders.services.checkout import open_checkout
from orders.services.expiring import cancel_stale_orders
from orders.services.refunding import refund_payment
from orders.tests.shopping import buy
from orders.timeline import timeline
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)


def refused() -> list[Event]:
    return list(Event.objects.filter(kind="order.command_refused").order_by("position"))


def told_last(order: Order) -> str:
    return timeline(order)[-1].sentence


@pytest.fixture
def paid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    bought = buy(shopper, mug)
    stripe_side.pay(bought["url"])
    post_event(shopper, stripe_side.event("charge.succeeded"))
    return Order.objects.get(pk=bought["order_id"])


class TestARefusedCommand:
    def test_to_pay_again_is_on_record_and_told(self, shopper: Client, paid: Order) -> None:
        assert shopper.post(f"/order/{paid.pk}/checkout").status_code == 409
        [event] = refused()
        assert (event.stream, event.actor) == (paid.stream, "shopper")
        assert event.data == {"command": "checkout", "reason": "already_paid", "amount": None, "currency": ""}
        assert told_last(paid) == "A checkout was refused: it is paid already"
        assert list(check_rows()) == []

    def test_to_cancel_is_on_record_and_told(self, paid: Order) -> None:
        with provenance.acting("staff:7"), pytest.raises(OrderNotCancelable):
            cancel_order(order_id=paid.pk, reason="staff")
        assert [(event.actor, event.data["reason"]) for event in refused()] == [("staff:7", "paid")]
        assert told_last(paid) == "Canceling was refused: it is paid"

    def test_to_refund_is_told_with_the_amount_that_was_in_the_way(self, paid: Order) -> None:
        intent = paid.payments.get().payment_intent
        with provenance.acting("staff:7"), pytest.raises(OrderNotRefundable):
            refund_payment(order_id=paid.pk, payment_intent=intent, amount=1851, reason="duplicate")
        assert told_last(paid) == "A refund was refused: $18.50 is left of this payment"

    def test_of_an_order_that_was_never_stored_leaves_none(self, shopper: Client) -> None:
        pin = Item.objects.create(name="Pin", price=1, currency="usd")
        answer = shopper.get(f"/buy/{pin.pk}")
        assert answer.json()["error"]["message"] == "This order can't be paid: the least that can be charged is $0.50."
        assert not Event.objects.exists()

    def test_that_the_checkout_itself_could_not_meet_is_on_record(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order_id = buy(shopper, mug)["order_id"]
        with provenance.acting("staff:7"):
            cancel_order(order_id=order_id, reason="staff")
        with provenance.acting("shopper"), pytest.raises(OrderNotPayable):
            open_checkout(order_id=order_id)
        assert [event.data["reason"] for event in refused()] == ["canceled"]


class TestARefusalThatIsRepeated:
    def test_is_told_once_to_each_who_asks(self, shopper: Client, paid: Order) -> None:
        for actor in ("staff:7", "staff:8", "staff:7"):
            assert shopper.post(f"/order/{paid.pk}/checkout").status_code == 409
            with provenance.acting(actor), pytest.raises(OrderNotCancelable):
                cancel_order(order_id=paid.pk, reason="staff")
        assert [event.actor for event in refused()] == ["shopper", "staff:7", "staff:8"]

    def test_is_told_again_once_something_has_happened(
        self, shopper: Client, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        shopper.post(f"/order/{paid.pk}/checkout")
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        shopper.post(f"/order/{paid.pk}/checkout")
        assert len(refused()) == 2

    def test_to_the_expiry_job_is_told_once(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], **{"async": "1"})
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        for hours in (49, 50, 51):
            with freeze_time(timezone.now() + timedelta(hours=hours)):
                assert cancel_stale_orders() == 0
        [event] = refused()
        assert (event.actor, event.data["reason"]) == ("system:expiry", "payment_under_way")


class TestAReason:
    def test_has_one_wording_whatever_the_command(self) -> None:
        wordings: dict[str, str] = {}
        for refusal in CommandRefused.__subclasses__():
            for reason, words in refusal.words.items():
                assert wordings.setdefault(reason, words) == words

    def test_of_a_draft_says_that_it_was_not_placed(self, mug: Item) -> None:
        order = draft_order(mug).root
        with provenance.acting("shopper"), pytest.raises(OrderNotPayable, match="it has not been placed yet"):
            open_checkout(order_id=order.pk)
        assert told_last(order) == "A checkout was refused: it has not been placed yet"
