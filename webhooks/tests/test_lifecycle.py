"""What comes after a payment: refunds, disputes, reviews, and events that come too early."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from billing.gateway.errors import StripeUnreachable
from billing.models import StripeCall
from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.models import Event
from orders.decisions.refunding import OrderNotRefundable
from orders.models import Item, Order, Refund
from orders.services.attention import clear_attention
from orders.services.canceling import cancel_order
from orders.services.expiring import cancel_stale_orders
from orders.services.refunding import refund_payment
from tests.simulated import SimulatedStripe, post_event
from webhooks.backfill import backfill_all
from webhooks.models import Delivery, DeliverySource, DeliveryState, PaymentLink
from webhooks.readers import READERS
from webhooks.services import give_up_waiting, retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    bought = shopper.get(f"/buy/{mug.pk}").json()
    stripe_side.pay(bought["url"])
    deliver_all(shopper, stripe_side)
    return Order.objects.get(pk=bought["order_id"])


def deliver_all(client: Client, stripe_side: SimulatedStripe) -> None:
    for event in stripe_side.objects("event"):
        assert post_event(client, event).status_code == 200


def charge_of(stripe_side: SimulatedStripe) -> str:
    return str(stripe_side.objects("charge")[-1]["id"])


def figures() -> tuple[str, int, int, int, list[str]]:
    order = Order.objects.get()
    return order.state, order.received, order.refunded, order.surplus, order.attention


class TestARefund:
    def test_from_the_dashboard_is_told_by_its_webhooks(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.refund(charge_of(stripe_side), amount=850)
        deliver_all(client, stripe_side)
        assert figures() == ("partially_refunded", 1850, 850, 0, [])
        stripe_side.refund(charge_of(stripe_side))
        deliver_all(client, stripe_side)
        assert figures() == ("refunded", 1850, 1850, 0, [])

    def test_that_fails_after_it_succeeded_gives_the_money_back_to_us(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        refund = stripe_side.refund(charge_of(stripe_side))
        deliver_all(client, stripe_side)
        stripe_side.move("refunds", refund, status="failed")
        deliver_all(client, stripe_side)
        assert figures() == ("paid", 1850, 0, 0, ["refund_failed"])

    def test_that_failed_is_told_until_a_person_has_looked_and_not_again(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        """Given back anew in part: no sum tells whether that made good for it."""
        refund = stripe_side.refund(charge_of(stripe_side), amount=500)
        stripe_side.move("refunds", refund, status="failed")
        deliver_all(client, stripe_side)
        stripe_side.refund(charge_of(stripe_side), amount=500)
        deliver_all(client, stripe_side)
        assert figures() == ("partially_refunded", 1850, 500, 0, ["refund_failed"])
        with provenance.acting("staff:7"):
            clear_attention(order_id=paid.pk, reason="refund_failed")
        stripe_side.refund(charge_of(stripe_side), amount=100)
        deliver_all(client, stripe_side)
        assert figures() == ("partially_refunded", 1850, 600, 0, [])

    def test_from_us_is_on_record_before_it_leaves_and_told_once(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        intent, call_id = paid.payments.get(source="charge").payment_intent, uuid4()
        for _ in range(2):
            with provenance.acting("staff:7"):
                self.ask(paid, intent, 850, call_id=call_id)
        deliver_all(client, stripe_side)
        assert figures() == ("partially_refunded", 1850, 850, 0, [])
        assert Event.objects.get(kind="order.refund_requested").actor == "staff:7"
        assert Refund.objects.count() == len(stripe_side.objects("refund")) == 1

    def test_of_more_than_is_left_is_refused(self, paid: Order, stripe_side: SimulatedStripe) -> None:
        intent = paid.payments.get(source="charge").payment_intent
        self.ask(paid, intent, 1000)
        with pytest.raises(OrderNotRefundable, match=r"\$8\.50 is left"):
            self.ask(paid, intent, 851)
        with pytest.raises(OrderNotRefundable, match="no such payment"):
            self.ask(paid, "pi_other", 1)
        with provenance.acting("staff:7"), pytest.raises(OrderNotRefundable, match="its reason is none"):
            refund_payment(order_id=paid.pk, payment_intent=intent, amount=1, reason="Mrs Smith was unhappy")
        assert len(stripe_side.objects("refund")) == 1

    def test_whose_answer_is_lost_is_neither_forgotten_nor_made_twice(
        self, paid: Order, stripe_side: SimulatedStripe
    ) -> None:
        intent = paid.payments.get(source="charge").payment_intent
        stripe_side.order_fault("timeout_after", "POST /v1/refunds", seconds=1)
        with pytest.raises(StripeUnreachable):
            self.ask(paid, intent, 1850)
        with pytest.raises(OrderNotRefundable):
            self.ask(paid, intent, 1850)
        assert sweep_open_calls(older_than=timedelta()) == 1
        assert figures()[:3] == ("refunded", 1850, 1850)
        assert len(stripe_side.objects("refund")) == 1

    def test_that_stripe_forgot_the_key_of_is_looked_up(self, paid: Order, stripe_side: SimulatedStripe) -> None:
        intent = paid.payments.get(source="charge").payment_intent
        stripe_side.order_fault("timeout_after", "POST /v1/refunds", seconds=1)
        with pytest.raises(StripeUnreachable):
            self.ask(paid, intent, 1850)
        with freeze_time(timezone.now() + timedelta(hours=24)):
            assert sweep_open_calls(older_than=timedelta()) == 1
        assert figures()[:3] == ("refunded", 1850, 1850)
        assert StripeCall.objects.filter(operation="refunds.list").count() == 1

    def ask(self, order: Order, intent: str, amount: int, **more: Any) -> None:
        with provenance.acting("staff:7"):
            refund_payment(
                order_id=order.pk, payment_intent=intent, amount=amount, reason="requested_by_customer", **more
            )

    def test_of_what_is_too_much_returns_the_surplus(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.distort(bought["session_id"], amount=2000)
        stripe_side.pay(bought["url"])
        deliver_all(shopper, stripe_side)
        assert figures() == ("paid", 2000, 0, 150, ["surplus"])
        order = Order.objects.get()
        with provenance.acting("staff:7"):
            refund_payment(
                order_id=order.pk,
                payment_intent=order.payments.get(source="charge").payment_intent,
                amount=150,
                reason="surplus",
            )
        assert figures() == ("paid", 2000, 150, 0, [])


class TestADispute:
    @pytest.mark.parametrize(("end", "state"), [("won", "won"), ("lost", "lost")])
    def test_is_open_until_it_ends(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe, end: str, state: str
    ) -> None:
        dispute = stripe_side.dispute(charge_of(stripe_side))
        deliver_all(client, stripe_side)
        order = Order.objects.get()
        assert (order.dispute_state, order.attention) == ("open", ["disputed"])
        assert order.disputes.get().due_by is not None
        stripe_side.move("disputes", dispute, status="under_review")
        stripe_side.move("disputes", dispute, status=end)
        deliver_all(client, stripe_side)
        order = Order.objects.get()
        assert (order.state, order.dispute_state, order.attention) == ("paid", state, [])

    def test_that_is_open_beside_a_lost_one_is_not_hidden_by_it(
        self, paid: Order, client: Client, stripe_side: SimulatedStripe
    ) -> None:
        lost = stripe_side.dispute(charge_of(stripe_side), amount=500)
        stripe_side.move("disputes", lost, status="lost")
        stripe_side.dispute(charge_of(stripe_side), amount=300)
        deliver_all(client, stripe_side)
        order = Order.objects.get()
        assert (order.dispute_state, order.attention) == ("lost", ["disputed"])


class TestAnEventThatComesBeforeItsPayment:
    def test_waits_and_is_adopted(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"])
        stripe_side.refund(charge_of(stripe_side), amount=850)
        post_event(shopper, stripe_side.event("refund.created"))
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.order_id) == (DeliveryState.WAITING, None)
        assert figures()[0] == "pending"
        post_event(shopper, stripe_side.event("payment_intent.succeeded"))
        assert figures() == ("partially_refunded", 1850, 850, 0, [])
        assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.HANDLED}
        adopted = Event.objects.get(kind="order.refund_updated")
        assert adopted.cause == stripe_side.event("refund.created")["id"]

    def test_takes_nothing_with_it_when_it_can_not_be_handled(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"])
        stripe_side.refund(charge_of(stripe_side), amount=850)
        post_event(shopper, stripe_side.event("refund.created"))
        monkeypatch.setitem(READERS, "refund.created", lambda _origin, refund: refund["no such field"])
        assert post_event(shopper, stripe_side.event("payment_intent.succeeded")).status_code == 200
        assert figures()[0] == "paid"
        assert Delivery.objects.get(type="refund.created").state == DeliveryState.FAILED
        monkeypatch.undo()
        with freeze_time(timezone.now() + timedelta(minutes=2)):
            assert retry_deliveries() == 1
        assert figures() == ("partially_refunded", 1850, 850, 0, [])

    def test_is_given_up_after_thirty_days(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"])
        stripe_side.refund(charge_of(stripe_side), amount=850)
        post_event(shopper, stripe_side.event("refund.created"))
        assert give_up_waiting() == 0
        with freeze_time(timezone.now() + timedelta(days=31)):
            assert give_up_waiting() == 1
        assert Delivery.objects.get().state == DeliveryState.IGNORED
        assert not PaymentLink.objects.exists()


class TestTooLittleMoney:
    def test_keeps_an_order_from_being_paid_again_but_not_from_being_canceled(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.distort(bought["session_id"], amount=500)
        stripe_side.pay(bought["url"])
        deliver_all(shopper, stripe_side)
        assert figures() == ("pending", 500, 0, 0, ["underpaid"])
        assert shopper.get(f"/buy/{mug.pk}").status_code == 409
        with provenance.acting("staff:7"):
            cancel_order(order_id=bought["order_id"], reason="staff")
        assert figures() == ("canceled", 500, 0, 500, ["surplus"])
        stripe_side.refund(charge_of(stripe_side))
        deliver_all(shopper, stripe_side)
        assert figures() == ("canceled", 500, 500, 0, [])


class TestADelayedPayment:
    def test_that_fails_leaves_the_order_payable_again(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"], **{"async": "fail"})
        deliver_all(shopper, stripe_side)
        status = shopper.get(f"/order/{bought['order_id']}/status").json()
        assert status["payment"] == "processing"
        stripe_side.advance(4 * 24 * 3600)
        deliver_all(shopper, stripe_side)
        status = shopper.get(f"/order/{bought['order_id']}/status").json()
        assert status == {"state": "pending", "payment": "failed", "final": False}
        again = shopper.get(f"/buy/{mug.pk}").json()
        assert again["order_id"] == bought["order_id"]
        assert again["session_id"] != bought["session_id"]


class TestSiblings:
    def test_of_a_paid_checkout_are_expired_at_stripe(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        """The first Session's time was up by our clock alone, so a second one was opened; then the second was paid."""
        first = shopper.get(f"/buy/{mug.pk}").json()
        order = Order.objects.get()
        with freeze_time(timezone.now() + timedelta(hours=24, minutes=1)):
            second = shopper.get(f"/buy/{mug.pk}").json()
        order.checkouts.filter(session_id=first["session_id"]).update(state="open")
        stripe_side.pay(second["url"])
        post_event(shopper, stripe_side.event("payment_intent.succeeded"))
        expiry = StripeCall.objects.get(operation="checkout.sessions.expire")
        assert (expiry.target, expiry.state) == (first["session_id"], "requested")
        sweep_open_calls(older_than=timedelta())
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired", "complete"]


class TestAStaleOrder:
    def test_is_canceled_and_closed_at_stripe(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        shopper.get(f"/buy/{mug.pk}")
        assert cancel_stale_orders() == 0
        with freeze_time(timezone.now() + timedelta(hours=49)):
            assert cancel_stale_orders() == 1
        assert Order.objects.get().state == "canceled"
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]

    def test_that_is_being_paid_is_left_alone(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"], **{"async": "1"})
        deliver_all(shopper, stripe_side)
        with freeze_time(timezone.now() + timedelta(hours=49)):
            assert cancel_stale_orders() == 0
        assert Order.objects.get().state == "pending"

    def test_is_kept_as_long_again_after_a_debit_that_failed_days_later(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"], **{"async": "fail"})
        deliver_all(shopper, stripe_side)
        placed = timezone.now()
        with freeze_time(placed + timedelta(hours=96)):
            stripe_side.advance(4 * 24 * 3600)
            deliver_all(shopper, stripe_side)
            assert cancel_stale_orders() == 0
        with freeze_time(placed + timedelta(hours=96 + 47)):
            assert cancel_stale_orders() == 0
        with freeze_time(placed + timedelta(hours=96 + 49)):
            assert cancel_stale_orders() == 1

    def test_is_kept_while_its_shopper_may_type_a_card_number_on_our_page(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        """Its PaymentIntent doesn't expire by itself."""
        order_id = shopper.get(f"/buy/{mug.pk}").json()["order_id"]
        placed = timezone.now()
        with freeze_time(placed + timedelta(hours=49)):
            shopper.post(f"/order/{order_id}/payment-intent")
            assert cancel_stale_orders() == 0
        with freeze_time(placed + timedelta(hours=49 + 49)):
            assert cancel_stale_orders() == 1

    def test_whose_paying_goes_on_while_it_is_being_canceled_is_left_alone(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order_id = shopper.get(f"/buy/{mug.pk}").json()["order_id"]
        idle_since = timezone.now() - timedelta(hours=1)
        assert not cancel_order(order_id=order_id, reason="stale", idle_since=idle_since)
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["open"]


class TestBackfill:
    def test_brings_in_what_no_webhook_brought(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"])
        brought = backfill_all()
        assert brought["default"] >= 3
        assert figures() == ("paid", 1850, 0, 0, [])
        assert backfill_all() == {"default": 0, "euro": 0}

    def test_goes_on_where_stripe_did_not_answer(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"])
        stripe_side.order_fault("drop", "GET /v1/events")
        assert backfill_all() == {"euro": 0}
        assert backfill_all()["default"] >= 3
        assert figures()[0] == "paid"

    def test_does_not_vouch_for_an_event_as_its_signature_does(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.pay(shopper.get(f"/buy/{mug.pk}").json()["url"])
        event = stripe_side.event("payment_intent.succeeded")
        post_event(shopper, event)
        backfill_all()
        posted = Delivery.objects.filter(source=DeliverySource.WEBHOOK)
        assert [delivery.event_id for delivery in posted] == [event["id"]]
        recorded = Event.objects.count()
        deliver_all(shopper, stripe_side)
        assert set(Delivery.objects.values_list("source", flat=True)) == {DeliverySource.WEBHOOK}
        assert Event.objects.count() == recorded, "nothing else follows from it"

    def test_stays_what_brought_an_event_that_is_tried_again(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stripe_side.pay(shopper.get(f"/buy/{mug.pk}").json()["url"])
        monkeypatch.setitem(READERS, "payment_intent.succeeded", lambda _origin, intent: intent["no such field"])
        backfill_all()
        monkeypatch.undo()
        failed = Delivery.objects.get(state=DeliveryState.FAILED)
        with freeze_time(timezone.now() + timedelta(minutes=2)):
            assert retry_deliveries() == 1
        failed.refresh_from_db()
        assert (failed.state, failed.source) == (DeliveryState.HANDLED, DeliverySource.BACKFILL)
