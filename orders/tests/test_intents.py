"""Paying on our own page: one PaymentIntent, the same ledger, and a second payment is seen."""

import re
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.test import Client
from structlog.testing import capture_logs

from billing.models import StripeCall, Tax
from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from core.models import Event
from orders.decisions.placing import OrderNotPayable
from orders.models import Checkout, Item, Order
from orders.services.basket import NO_COUNTERPARTS
from orders.services.canceling import cancel_order
from orders.services.checkout import finish_opening, intend_session
from orders.services.loading import locked_order
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

IN_MEMORY = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
JSON = {"accept": "application/json"}


@pytest.fixture
def order(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """A basket of two mugs, placed to be paid on our own page."""
    shopper.post("/basket/items", {"item": mug.pk, "quantity": 2}, content_type="application/json")
    answer = shopper.post("/basket/checkout", {"pay": "here"}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return Order.objects.get(pk=answer.json()["order_id"])


def open_intent(client: Client, order: Order) -> Any:
    return client.post(f"/order/{order.pk}/payment-intent", headers=JSON)


def deliver(client: Client, stripe_side: SimulatedStripe, *types: str) -> None:
    for event_type in types:
        assert post_event(client, stripe_side.event(event_type)).status_code == 200


class TestAPaymentIntent:
    def test_is_of_the_orders_total(self, shopper: Client, order: Order, stripe_side: SimulatedStripe) -> None:
        answer = open_intent(shopper, order).json()
        [intent] = stripe_side.objects("payment_intent")
        assert answer == {"client_secret": intent["client_secret"], "publishable_key": "pk_test_default"}
        assert (intent["amount"], intent["currency"]) == (3700, "usd")
        assert intent["metadata"]["order_id"] == str(order.pk)

    def test_is_the_same_when_asked_for_again(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        assert open_intent(shopper, order).json() == open_intent(shopper, order).json()
        assert len(stripe_side.objects("payment_intent")) == 1

    def test_has_a_secret_that_is_stored_nowhere(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe, caplog: pytest.LogCaptureFixture
    ) -> None:
        with capture_logs() as lines:
            secret = open_intent(shopper, order).json()["client_secret"]
            stripe_side.confirm(secret)
            deliver(shopper, stripe_side, "payment_intent.created", "payment_intent.succeeded")
        assert stripe_side.event("payment_intent.succeeded")["data"]["object"]["client_secret"] == secret
        told = [bytes(delivery.payload).decode() for delivery in Delivery.objects.all()]
        told += [repr(call.body) + call.reason for call in StripeCall.objects.all()]
        told += [repr(event.data) for event in Event.objects.all()]
        assert secret not in "".join(told) + repr(lines) + caplog.text

    def test_is_for_its_shopper_alone(self, order: Order, admin_client: Client) -> None:
        for browser in (Client(), admin_client):
            assert open_intent(browser, order).status_code == 404
            assert browser.get(f"/order/{order.pk}/pay").status_code == 404

    def test_pays_the_order(self, shopper: Client, order: Order, stripe_side: SimulatedStripe) -> None:
        secret = open_intent(shopper, order).json()["client_secret"]
        stripe_side.confirm(secret)
        deliver(shopper, stripe_side, "payment_intent.succeeded", "charge.succeeded")
        order = Order.objects.get()
        assert (order.state, order.received, order.attention) == ("paid", 3700, [])
        assert Checkout.objects.get().state == "completed"
        assert open_intent(shopper, order).status_code == 409
        assert list(check_rows()) == []

    def test_can_be_tried_again_after_a_decline(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        first = open_intent(shopper, order).json()
        answer = stripe_side.confirm(first["client_secret"], card="4000000000000002")
        assert answer["error"]["code"] == "card_declined"
        deliver(shopper, stripe_side, "charge.failed", "payment_intent.payment_failed")
        assert shopper.get(f"/order/{order.pk}/status").json()["payment"] == "open"
        assert open_intent(shopper, order).json() == first
        stripe_side.confirm(first["client_secret"])
        deliver(shopper, stripe_side, "charge.succeeded")
        assert Order.objects.get().state == "paid"

    def test_that_settles_later_is_not_opened_twice(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        secret = open_intent(shopper, order).json()["client_secret"]
        stripe_side.confirm(secret, **{"payment_method_data[type]": "bank_debit"})
        assert open_intent(shopper, order).status_code == 409
        deliver(shopper, stripe_side, "charge.pending", "payment_intent.processing")
        assert shopper.get(f"/order/{order.pk}/status").json()["payment"] == "processing"
        stripe_side.advance(30 * 24 * 3600)
        deliver(shopper, stripe_side, "charge.succeeded", "payment_intent.succeeded")
        assert Order.objects.get().state == "paid"

    def test_that_was_canceled_at_stripe_is_replaced(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        first = open_intent(shopper, order).json()
        stripe_side.in_dashboard("POST", f"/v1/payment_intents/{stripe_side.objects('payment_intent')[0]['id']}/cancel")
        assert open_intent(shopper, order).json() != first
        assert [checkout.state for checkout in Checkout.objects.order_by("attempt")] == ["canceled", "open"]

    def test_of_nothing_is_refused(self, shopper: Client, order: Order) -> None:
        Order.objects.update(total=0)
        assert open_intent(shopper, order).json()["error"]["message"].endswith("confirm it at the checkout.")

    def test_is_found_again_after_a_lost_answer(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("drop", "POST /v1/payment_intents")
        assert open_intent(shopper, order).status_code == 503
        sweep_open_calls(older_than=timedelta())
        assert open_intent(shopper, order).status_code == 200
        assert len(stripe_side.objects("payment_intent")) == 1


class TestBesideASession:
    @pytest.fixture
    def both(self, shopper: Client, order: Order, stripe_side: SimulatedStripe) -> tuple[str, str]:
        """The secret of an open intent, and the address of an open Session of the same order."""
        secret = open_intent(shopper, order).json()["client_secret"]
        opened = shopper.post(f"/order/{order.pk}/checkout", headers=JSON).json()
        return secret, opened["url"]

    def test_the_intent_is_canceled_when_the_session_is_paid(
        self, shopper: Client, both: tuple[str, str], stripe_side: SimulatedStripe
    ) -> None:
        _, url = both
        stripe_side.pay(url)
        deliver(shopper, stripe_side, "checkout.session.completed")
        assert sweep_open_calls(older_than=timedelta()) == 1
        assert stripe_side.objects("payment_intent")[0]["status"] == "canceled"
        assert sorted(Checkout.objects.values_list("attempt", "state")) == [(1, "canceled"), (2, "completed")]
        deliver(shopper, stripe_side, "payment_intent.canceled")
        assert list(check_rows()) == []

    def test_the_session_is_expired_when_the_intent_is_paid(
        self, shopper: Client, both: tuple[str, str], stripe_side: SimulatedStripe
    ) -> None:
        secret, _ = both
        stripe_side.confirm(secret)
        deliver(shopper, stripe_side, "payment_intent.succeeded")
        assert sweep_open_calls(older_than=timedelta()) == 1
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]

    def test_both_paid_are_seen_as_surplus(
        self, shopper: Client, both: tuple[str, str], stripe_side: SimulatedStripe
    ) -> None:
        secret, url = both
        stripe_side.confirm(secret)
        deliver(shopper, stripe_side, "charge.succeeded", "payment_intent.succeeded")
        stripe_side.pay(url)
        deliver(shopper, stripe_side, "checkout.session.completed", "charge.succeeded")
        order = Order.objects.get()
        assert (order.state, order.received, order.surplus, order.attention) == ("paid", 7400, 3700, ["surplus"])

    def test_canceling_the_order_closes_both(
        self, shopper: Client, order: Order, both: tuple[str, str], stripe_side: SimulatedStripe
    ) -> None:
        with provenance.acting("staff:1"):
            cancel_order(order_id=order.pk, reason="staff")
        assert Order.objects.get().state == "canceled"
        assert [one["status"] for one in stripe_side.objects("checkout.session")] == ["expired"]
        assert [one["status"] for one in stripe_side.objects("payment_intent")] == ["canceled"]


class TestThePage:
    def test_admits_stripe_js_and_nothing_else(self, shopper: Client, order: Order, settings: Any) -> None:
        answer = shopper.get(f"/order/{order.pk}/pay")
        assert f'<script src="{settings.STRIPE_JS_URL}"></script>' in answer.content.decode()
        policy = answer["Content-Security-Policy"]
        assert f"script-src 'self' {settings.STRIPE_API_BASE}" in policy
        assert "unsafe" not in policy
        assert settings.STRIPE_API_BASE not in shopper.get("/")["Content-Security-Policy"].split("form-action")[0]

    @pytest.mark.parametrize("mailers", [IN_MEMORY, {}])
    def test_asks_for_an_address_that_no_form_sends_here(
        self, shopper: Client, order: Order, settings: Any, mailers: dict[str, Any]
    ) -> None:
        """Where no mail is sent it is still Stripe's to know, and nothing is promised."""
        settings.MAILERS = mailers
        page = shopper.get(f"/order/{order.pk}/pay").content.decode()
        [field] = re.findall(r'<input [^>]*type="email"[^>]*>', page)
        assert "required" in field
        assert "name=" not in field
        assert ("It gets the receipt" in page) is ("email-why" in field) is bool(mailers)

    def test_of_a_paid_order_shows_the_order(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"])
        deliver(shopper, stripe_side, "checkout.session.completed")
        answer = shopper.get(f"/order/{bought['order_id']}/pay")
        assert answer.status_code == 303
        assert f"/order/{bought['order_id']}" in answer["Location"]

    def test_loads_stripes_own_script(self, stripe_side: SimulatedStripe, settings: Any) -> None:
        assert requests.get(settings.STRIPE_JS_URL, timeout=5).status_code == 200


class TestWhileASessionIsBeingOpened:
    def test_a_payment_keeps_the_shopper_from_being_sent_there(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        secret = open_intent(shopper, order).json()["client_secret"]
        with provenance.acting("shopper"), locked_order(order.pk) as locked:
            call = intend_session(locked, NO_COUNTERPARTS, attempt=2)
        stripe_side.confirm(secret)
        deliver(shopper, stripe_side, "payment_intent.succeeded")
        with provenance.acting("shopper"), pytest.raises(OrderNotPayable, match="it is paid already"):
            finish_opening(call, order.pk)
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]


class TestWhereStripeRoundsOtherwise:
    """The intent is of the amount that was quoted, and the order's total becomes the Session's."""

    @pytest.fixture
    def quoted(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
        with provenance.acting("staff:1"):
            mug.taxes.set([Tax.objects.create(name="Eco levy", percentage="2.5", inclusive=False)])
        shopper.post("/basket/items", {"item": mug.pk, "quantity": 2}, content_type="application/json")
        shopper.post("/basket/checkout", {"pay": "here"}, content_type="application/json")
        stripe_side.shift_totals("tax", 1)
        return Order.objects.get()

    def test_the_intent_is_canceled_before_the_shopper_is_sent_to_the_session(
        self, shopper: Client, quoted: Order, stripe_side: SimulatedStripe
    ) -> None:
        secret = open_intent(shopper, quoted).json()["client_secret"]
        assert shopper.post(f"/order/{quoted.pk}/checkout", headers=JSON).status_code == 200
        assert "error" in stripe_side.confirm(secret)
        assert open_intent(shopper, quoted).status_code == 200
        amounts = [(one["status"], one["amount"]) for one in stripe_side.objects("payment_intent")]
        assert amounts == [("canceled", 3793), ("requires_payment_method", 3794)]
        assert Order.objects.get().total == 3794
        assert list(check_rows()) == []

    @pytest.mark.parametrize("told_first", [True, False])
    def test_an_intent_that_was_paid_keeps_its_amount_the_orders(
        self, shopper: Client, quoted: Order, stripe_side: SimulatedStripe, told_first: bool
    ) -> None:
        stripe_side.confirm(open_intent(shopper, quoted).json()["client_secret"])
        if told_first:
            deliver(shopper, stripe_side, "charge.succeeded")
        refused = shopper.post(f"/order/{quoted.pk}/checkout", headers=JSON)
        assert refused.status_code == 409
        assert "do not pay again" in refused.json()["error"]["message"] or told_first
        deliver(shopper, stripe_side, "charge.succeeded", "payment_intent.succeeded")
        order = Order.objects.get()
        assert (order.state, order.total, order.received, order.attention) == ("paid", 3793, 3793, [])
        assert all(session["status"] == "expired" for session in stripe_side.objects("checkout.session"))

    def test_an_intent_whose_answer_was_lost_before_is_given_to_nobody(
        self, shopper: Client, quoted: Order, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("timeout_after", "POST /v1/payment_intents")
        assert open_intent(shopper, quoted).status_code == 503
        assert shopper.post(f"/order/{quoted.pk}/checkout", headers=JSON).status_code == 200
        secret = open_intent(shopper, quoted).json()["client_secret"]
        stripe_side.confirm(secret)
        deliver(shopper, stripe_side, "payment_intent.succeeded")
        order = Order.objects.get()
        assert (order.state, order.received, order.attention) == ("paid", 3794, [])
        assert stripe_side.objects("payment_intent")[0]["status"] == "canceled"
