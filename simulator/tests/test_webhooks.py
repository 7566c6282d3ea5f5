import json
import time

import pytest
import requests
import stripe

from simulator.tests.running import Receiver, Shop, wait_until
from simulator.webhooks import sign

PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


def deliveries(shop: Shop) -> dict[str, dict[str, object]]:
    """This account's, by event type."""
    account = shop.request("GET", "/v1/account").json()["id"]
    events = requests.get(f"{shop.simulator.url}/_sim/state", {"key": shop.key}, timeout=5).json()["objects"]["event"]
    mine = {event["id"] for event in events}
    found = shop.simulator.control("GET", "deliveries")["deliveries"]
    assert account
    return {delivery["type"]: delivery for delivery in found if delivery["event"] in mine}


class TestDelivery:
    def test_every_event_arrives_signed_and_as_the_api_tells_it(self, shop: Shop, receiver: Receiver) -> None:
        shop.pay(shop.open_session())
        wait_until(lambda: len(receiver.received) == len(PAID))
        assert sorted(receiver.types()) == sorted(PAID)
        for event, payload, headers in receiver.received:
            assert headers["Content-Type"] == "application/json; charset=utf-8"
            told = shop.request("GET", f"/v1/events/{event.id}").json()
            # The one field that changes: how many endpoints still have to take it.
            assert json.loads(payload) | {"pending_webhooks": 0} == told | {"pending_webhooks": 0}
            assert json.loads(payload)["pending_webhooks"] == 1
        wait_until(lambda: all(event.pending_webhooks == 0 for event in shop.stripe.v1.events.list().data))

    def test_a_refused_delivery_is_tried_again_with_a_fresh_signature(self, shop: Shop) -> None:
        with Receiver(answers=[499, 302]) as receiver:
            shop.simulator.control("POST", "webhooks", key=shop.key, url=receiver.url, secret=receiver.secret)
            shop.stripe.v1.checkout.sessions.expire(shop.open_session().id)
            wait_until(lambda: len(receiver.received) == 3)
            signatures = {headers["Stripe-Signature"] for _, _, headers in receiver.received}
            assert len(signatures) > 1
            wait_until(lambda: deliveries(shop)["checkout.session.expired"]["state"] == "delivered")
            attempts = deliveries(shop)["checkout.session.expired"]["attempts"]
            assert isinstance(attempts, list)
            assert [attempt["status"] for attempt in attempts] == [499, 302, 200]

    def test_an_endpoint_that_is_down_is_tried_until_it_is_up(self, shop: Shop) -> None:
        with Receiver() as receiver:
            url = receiver.url
        shop.simulator.control("POST", "webhooks", key=shop.key, url=url, secret="whsec_test")
        shop.stripe.v1.checkout.sessions.expire(shop.open_session().id)
        wait_until(lambda: bool(deliveries(shop)["checkout.session.expired"]["attempts"]))
        delivery = deliveries(shop)["checkout.session.expired"]
        assert delivery["state"] == "pending"
        [event] = shop.stripe.v1.events.list({"delivery_success": False}).data
        assert event.pending_webhooks == 1

    def test_the_clock_of_the_simulator_does_not_touch_signatures(self, shop: Shop, receiver: Receiver) -> None:
        shop.simulator.control("POST", "advance", seconds=10 * 24 * 60 * 60)
        shop.stripe.v1.checkout.sessions.expire(shop.open_session().id)
        wait_until(lambda: len(receiver.received) == 1)  # the receiver verifies with the default tolerance
        assert receiver.received[0][0].created > time.time() + 9 * 24 * 60 * 60

    def test_events_of_one_account_go_to_its_endpoints_only(self, shop: Shop, receiver: Receiver) -> None:
        other = Shop(shop.simulator, shop.key + "_other")
        other.stripe.v1.checkout.sessions.expire(other.open_session().id)
        other.close()
        shop.pay(shop.open_session())
        wait_until(lambda: len(receiver.received) == len(PAID))
        assert "checkout.session.expired" not in receiver.types()


class TestFaults:
    def test_a_dropped_event_is_only_in_the_events_api(self, shop: Shop, receiver: Receiver) -> None:
        shop.simulator.order_fault("webhook_drop", "checkout.session.*")
        shop.pay(shop.open_session())
        wait_until(lambda: len(receiver.received) == 3)
        assert deliveries(shop)["checkout.session.completed"]["state"] == "dropped"
        assert sorted(receiver.types()) == sorted(PAID[:3])
        assert shop.event_types() == PAID

    def test_a_duplicated_event_arrives_twice(self, shop: Shop, receiver: Receiver) -> None:
        shop.simulator.order_fault("webhook_duplicate", "charge.succeeded")
        shop.pay(shop.open_session())
        wait_until(lambda: len(receiver.received) == 5)
        assert receiver.types().count("charge.succeeded") == 2
        wait_until(lambda: shop.stripe.v1.events.list({"type": "charge.succeeded"}).data[0].pending_webhooks == 0)

    def test_a_delayed_event_comes_last(self, shop: Shop, receiver: Receiver) -> None:
        shop.simulator.order_fault("webhook_delay", "payment_intent.created", seconds=0.3)
        shop.pay(shop.open_session())
        wait_until(lambda: len(receiver.received) == 4)
        assert receiver.types()[-1] == "payment_intent.created"

    def test_reordered_events_come_newest_first(self, shop: Shop, receiver: Receiver) -> None:
        shop.simulator.order_fault("webhook_reorder", times=0, seconds=0.2)
        shop.pay(shop.open_session())
        wait_until(lambda: len(receiver.received) == 4)
        assert receiver.types() == PAID[::-1]

    def test_an_account_without_endpoints_uses_no_fault_up(self, shop: Shop) -> None:
        shop.simulator.order_fault("webhook_drop")
        shop.pay(shop.open_session())
        assert len(shop.simulator.control("GET", "faults")["faults"]) == 1


def test_signatures_are_those_that_stripe_python_verifies() -> None:
    payload, now = b'{"a": "\xc3\xa9"}', int(time.time())
    assert stripe.WebhookSignature.verify_header(payload.decode(), sign(payload, "whsec_1", now), "whsec_1", 300)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(payload.decode(), sign(payload, "whsec_2", now), "whsec_1", 300)
