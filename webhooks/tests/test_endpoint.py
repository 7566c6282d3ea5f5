"""What Stripe's deliveries do, and what pretended ones don't."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time
from structlog.testing import capture_logs

from billing.gateway.signatures import API_VERSION
from billing.models import StripeCall
from core.models import Event
from orders.models import Item, Order
from tests.simulated import SimulatedStripe, post_event, signed
from webhooks import handlers
from webhooks.models import Delivery, DeliveryState
from webhooks.services import retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)

ENDPOINT = "/webhooks/stripe/default/"


@pytest.fixture
def order(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    """Placed, with a Session that was paid at Stripe; no delivery has come yet."""
    bought = shopper.get(f"/buy/{mug.pk}").json()
    stripe_side.pay(bought["url"])
    return Order.objects.get(pk=bought["order_id"])


def post(client: Client, payload: bytes, header: str, path: str = ENDPOINT) -> Any:
    return client.post(path, payload, content_type="application/json", headers={"Stripe-Signature": header})


def facts_of(order: Order) -> list[str]:
    return list(Event.objects.filter(stream=order.stream).order_by("version").values_list("kind", flat=True))


class TestAPretendedDelivery:
    payload = b'{"id": "evt_1"}'

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "t=1,v1=00",
            "nonsense",
            signed(payload, "whsec_wrong"),
            signed(payload, timestamp=int(time.time()) - 301),
            f"t={int(time.time())},v1=\xe9",
        ],
        ids=["missing", "wrong", "malformed", "wrong secret", "stale", "not ASCII"],
    )
    def test_is_refused_and_leaves_nothing_but_one_log_line(self, client: Client, header: str) -> None:
        with capture_logs() as logs:
            answer = post(client, self.payload, header)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "signature_refused"
        assert not Delivery.objects.exists()
        refused = [line for line in logs if line["event"] == "request.refused"]
        assert len(refused) == 1
        assert "evt_1" not in json.dumps(logs)

    def test_signed_for_other_bytes_is_refused(self, client: Client) -> None:
        assert post(client, self.payload + b" ", signed(self.payload)).status_code == 400

    def test_of_an_unknown_account_is_not_found(self, client: Client) -> None:
        assert post(client, self.payload, signed(self.payload), "/webhooks/stripe/nobody/").status_code == 404

    def test_signed_by_another_account_is_refused(self, client: Client) -> None:
        assert post(client, self.payload, signed(self.payload, "whsec_euro")).status_code == 400

    def test_that_is_too_large_is_refused_before_it_is_read(self, client: Client) -> None:
        answer = post(client, b"x" * (512 * 1024 + 1), "t=1,v1=00")
        assert answer.status_code == 413

    @pytest.mark.parametrize(
        "payload",
        [b"", b"not json", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"id": "evt_\\u0000"}', b'{"id": 1}'],
    )
    def test_that_is_signed_but_no_event_is_refused(self, client: Client, payload: bytes) -> None:
        # Signed as bytes are: stripe-python's own signer takes text.
        header = signed(payload) if payload != b"\xff\xfe" else "t=1,v1=00"
        assert post(client, payload, header).status_code == 400
        assert not Delivery.objects.exists()

    def test_may_speak_of_an_escape_that_is_none(self, client: Client) -> None:
        event = {"id": "evt_1", "type": "x", "livemode": False, "data": {"object": {"text": "a \\u0000 b"}}}
        assert post_event(client, event).status_code == 200

    def test_by_get_is_not_allowed(self, client: Client) -> None:
        assert client.get(ENDPOINT).status_code == 405


class TestASecret:
    def test_that_is_being_rotated_out_still_signs(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        assert post_event(client, event, secret="whsec_default_old").status_code == 200

    def test_tells_the_account_where_the_address_does_not(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        payload = json.dumps(stripe_side.event("checkout.session.completed")).encode()
        assert post(client, payload, signed(payload), "/webhooks/stripe/").status_code == 200
        assert Delivery.objects.get().account == "default"


class TestAPaidSession:
    def test_pays_its_order_once_however_often_it_is_posted(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        for _ in range(3):
            assert post_event(client, event).status_code == 200
        assert facts_of(order)[-3:] == ["order.checkout_closed", "order.payment_updated", "order.paid"]
        assert Delivery.objects.get().state == DeliveryState.HANDLED

    def test_says_in_the_log_who_caused_it(self, client: Client, order: Order, stripe_side: SimulatedStripe) -> None:
        event = stripe_side.event("checkout.session.completed")
        post_event(client, event)
        paid = Event.objects.get(kind="order.paid")
        assert (paid.actor, paid.cause) == ("stripe:default", event["id"])

    @pytest.mark.parametrize("reverse", [False, True])
    def test_and_its_intent_pay_once_in_either_order(
        self, client: Client, order: Order, stripe_side: SimulatedStripe, reverse: bool
    ) -> None:
        types = ["checkout.session.completed", "payment_intent.succeeded"]
        for event_type in reversed(types) if reverse else types:
            assert post_event(client, stripe_side.event(event_type)).status_code == 200
        order = Order.objects.get()
        assert (order.state, order.received, order.surplus, order.attention) == ("paid", 1850, 0, [])
        payment = order.payments.get(source="payment_intent")
        assert payment.charge == stripe_side.objects("charge")[0]["id"]
        assert facts_of(order).count("order.paid") == 1

    def test_that_is_unpaid_yet_is_shown_as_processing(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.pay(bought["url"], **{"async": "1"})
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        status = shopper.get(f"/order/{bought['order_id']}/status").json()
        assert status == {"state": "pending", "payment": "processing", "final": False}
        again = shopper.post(f"/order/{bought['order_id']}/checkout")
        assert again.status_code == 409
        stripe_side.advance(4 * 24 * 3600)
        post_event(shopper, stripe_side.event("payment_intent.succeeded"))
        assert Order.objects.get().state == "paid"

    def test_that_is_stale_is_on_record_as_ignored(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        post_event(client, event)
        post_event(client, event | {"id": "evt_twin"})
        assert facts_of(order).count("order.paid") == 1
        ignored = Event.objects.get(kind="order.event_ignored")
        assert ignored.data == {
            "event_id": "evt_twin",
            "type": "checkout.session.completed",
            "reason": "already_known",
        }

    def test_of_another_id_than_our_call_made_changes_nothing(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        event["data"]["object"]["id"] = "cs_other"
        post_event(client, event)
        assert Delivery.objects.get().reason == "wrong_session"
        assert Order.objects.get().state == "pending"

    def test_before_the_checkout_is_on_record_is_handled(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        """Stripe made the Session and the shopper paid, but our answer was lost: we know only the call."""
        stripe_side.order_fault("timeout_after", seconds=0)
        assert shopper.get(f"/buy/{mug.pk}").status_code == 503
        [session] = stripe_side.objects("checkout.session")
        stripe_side.pay(session["url"])
        assert post_event(shopper, stripe_side.event("checkout.session.completed")).status_code == 200
        order = Order.objects.get()
        assert (order.state, order.received) == ("paid", 1850)


class TestAnExpiredSession:
    def test_leaves_its_order_payable(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = shopper.get(f"/buy/{mug.pk}").json()
        stripe_side.advance(25 * 3600)
        post_event(shopper, stripe_side.event("checkout.session.expired"))
        order = Order.objects.get()
        assert order.state == "pending"
        assert [checkout.state for checkout in order.checkouts.all()] == ["expired"]
        again = shopper.get(f"/buy/{mug.pk}").json()
        assert again["order_id"] == bought["order_id"]
        assert again["session_id"] != bought["session_id"]

    def test_told_late_does_not_undo_a_payment(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        expired = event | {"id": "evt_expired", "type": "checkout.session.expired"}
        post_event(client, expired)
        post_event(client, event)
        order.refresh_from_db(fields=["received"])
        assert Order.objects.get().state == "paid"
        assert [checkout.state for checkout in order.checkouts.all()] == ["completed"]


class TestMoneyThatShouldNotBeThere:
    def changed(self, stripe_side: SimulatedStripe, **fields: Any) -> dict[str, Any]:
        event = stripe_side.event("payment_intent.succeeded")
        event["data"]["object"] |= fields
        return event

    @pytest.mark.parametrize(
        ("fields", "state", "attention", "received", "surplus"),
        [
            ({"amount_received": 1849}, "pending", ["underpaid"], 1849, 0),
            ({"amount_received": 2000}, "paid", ["surplus"], 2000, 150),
            ({"currency": "eur"}, "pending", ["uncounted"], 0, 0),
            ({"livemode": True}, "pending", ["uncounted"], 0, 0),
        ],
        ids=["too little", "too much", "wrong currency", "wrong mode"],
    )
    def test_is_recorded_and_shown(
        self,
        client: Client,
        order: Order,
        stripe_side: SimulatedStripe,
        fields: dict[str, Any],
        state: str,
        attention: list[str],
        received: int,
        surplus: int,
    ) -> None:
        assert post_event(client, self.changed(stripe_side, **fields)).status_code == 200
        order = Order.objects.get()
        assert (order.state, order.attention, order.received, order.surplus) == (state, attention, received, surplus)
        assert order.payments.count() == 1

    def test_that_a_session_says_was_not_required_is_missed(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        event["data"]["object"] |= {"payment_status": "no_payment_required", "payment_intent": None}
        assert post_event(client, event).status_code == 200
        order = Order.objects.get()
        assert (order.state, order.attention, order.received) == ("pending", ["underpaid"], 0)
        assert not order.payments.exists()

    def test_as_a_second_payment_is_surplus(self, client: Client, order: Order, stripe_side: SimulatedStripe) -> None:
        post_event(client, stripe_side.event("payment_intent.succeeded"))
        second = self.changed(stripe_side, id="pi_second", latest_charge="ch_second")
        post_event(client, second | {"id": "evt_second"})
        order = Order.objects.get()
        assert (order.state, order.received, order.surplus) == ("paid", 3700, 1850)
        assert order.attention == ["surplus"]


class TestAnEventThatIsNotOurs:
    def test_of_a_type_that_we_do_not_handle_is_stored(self, client: Client, stripe_side: SimulatedStripe) -> None:
        event = {"id": "evt_1", "type": "customer.created", "livemode": False, "data": {"object": {"id": "cus_1"}}}
        assert post_event(client, event).status_code == 200
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.reason) == (DeliveryState.IGNORED, "type_not_handled")

    def test_of_somebody_elses_session_is_stored(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        event["data"]["object"]["metadata"] = {"order_id": str(order.pk)}
        assert post_event(client, event).status_code == 200
        assert Delivery.objects.get().reason == "not_ours"
        assert Order.objects.get().state == "pending"

    def test_of_our_order_by_another_account_changes_nothing(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        assert post_event(client, event, account="euro").status_code == 200
        assert Order.objects.get().state == "pending"
        assert facts_of(order)[-1] == "order.event_ignored"

    def test_in_another_mode_than_the_accounts_changes_nothing(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed") | {"livemode": True}
        assert post_event(client, event).status_code == 200
        assert Delivery.objects.get().reason == "wrong_livemode"
        assert Order.objects.get().state == "pending"


class TestAnEventOfAnotherApiVersion:
    def test_is_refused_and_read_again_in_ours(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("checkout.session.completed") | {"api_version": "2020-08-27"}
        assert API_VERSION != "2020-08-27"
        assert post_event(client, event).status_code == 200
        delivery = Delivery.objects.get()
        assert delivery.state == DeliveryState.REFUSED
        assert Order.objects.get().state == "pending"
        assert retry_deliveries() == 1
        assert Order.objects.get().state == "paid"
        assert Delivery.objects.get().state == DeliveryState.HANDLED
        assert StripeCall.objects.filter(operation="checkout.sessions.retrieve", state="succeeded").count() == 1
        assert retry_deliveries() == 0

    def test_is_read_again_until_stripe_answers(
        self, client: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        event = stripe_side.event("payment_intent.succeeded") | {"api_version": "2020-08-27"}
        post_event(client, event)
        stripe_side.order_fault("drop", "GET /v1/payment_intents/*")
        assert retry_deliveries() == 0
        assert Delivery.objects.get().reason == "StripeUnreachable"
        with freeze_time(timezone.now() + timedelta(minutes=10)):
            assert retry_deliveries() == 1
        assert Order.objects.get().state == "paid"


class TestAHandlerThatFails:
    def test_leaves_the_delivery_with_its_error_and_no_effect(
        self, client: Client, order: Order, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        event = stripe_side.event("checkout.session.completed")
        before = facts_of(order)
        broken = {"checkout.session.completed": lambda _account, session: session["no such field"]}
        monkeypatch.setattr(handlers, "READERS", broken)
        answer = post_event(client, event)
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "delivery_failed"
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.reason, delivery.attempts) == (DeliveryState.FAILED, "KeyError", 1)
        assert facts_of(order) == before

        monkeypatch.undo()
        assert retry_deliveries() == 0, "it is tried again after a pause"
        with freeze_time(timezone.now() + timedelta(minutes=2)):
            assert retry_deliveries() == 1
        assert Order.objects.get().state == "paid"
        assert Delivery.objects.get().state == DeliveryState.HANDLED

    def test_for_want_of_a_database_stores_nothing_and_asks_to_come_again(
        self, client: Client, order: Order, stripe_side: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreachable(*_: object) -> None:
            raise OperationalError("the server closed the connection unexpectedly")

        monkeypatch.setattr(handlers, "READERS", {"checkout.session.completed": unreachable})
        answer = post_event(client, stripe_side.event("checkout.session.completed"))
        assert answer.status_code == 503
        assert answer["Retry-After"]
        assert not Delivery.objects.exists()


def test_time_that_is_frozen_signs_and_verifies(client: Client, stripe_side: SimulatedStripe) -> None:
    event = {"id": "evt_1", "type": "customer.created", "livemode": False, "data": {"object": {}}}
    with freeze_time("2031-01-01"):
        assert post_event(client, event).status_code == 200
        assert Delivery.objects.get().received_at.year == 2031
