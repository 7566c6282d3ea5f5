"""Deliveries in the admin: to look at, and without what they say of a person."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.models import Item
from tests.simulated import SimulatedStripe, post_event
from webhooks.admin import HIDDEN, SENTENCES, sentence_of, without_personal_data
from webhooks.models import BackfillCursor, Delivery, DeliveryState, PaymentLink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def delivery(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Delivery:
    """Of a checkout that a shopper has just paid."""
    stripe_side.pay(shopper.get(f"/buy/{mug.pk}").json()["url"])
    event = stripe_side.event("checkout.session.completed")
    post_event(shopper, event)
    return Delivery.objects.get(event_id=event["id"])


class TestDeliveries:
    def test_show_their_payload_without_who_paid(self, admin_client: Client, delivery: Delivery) -> None:
        assert b"shopper@example.com" in bytes(delivery.payload)
        page = admin_client.get(f"/admin/webhooks/delivery/{delivery.pk}/change/").content.decode()
        assert "shopper@example.com" not in page
        assert "&quot;amount_total&quot;: 1850" in page
        assert f"/admin/orders/order/{delivery.order_id}/change/" in page

    @pytest.mark.parametrize("part", ["change", "delete"])
    def test_are_not_touched_by_a_superuser(self, admin_client: Client, delivery: Delivery, part: str) -> None:
        answer = admin_client.post(
            f"/admin/webhooks/delivery/{delivery.pk}/{part}/", {"state": "failed", "post": "yes"}
        )
        assert answer.status_code == 403
        assert Delivery.objects.get().state == "handled"

    def test_are_listed_without_their_payloads(self, admin_client: Client, delivery: Delivery) -> None:
        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get("/admin/webhooks/delivery/")
        assert delivery.event_id in page.content.decode()
        asked = [query["sql"] for query in captured if "webhooks_delivery" in query["sql"]]
        assert asked
        assert not any("payload" in sql for sql in asked)

    def test_are_found_by_order_and_by_event(self, admin_client: Client, delivery: Delivery) -> None:
        for term in (delivery.event_id, str(delivery.order_id)):
            page = admin_client.get("/admin/webhooks/delivery/", {"q": term})
            assert list(page.context["cl"].result_list) == [delivery]
        assert not admin_client.get("/admin/webhooks/delivery/", {"q": "evt_none"}).context["cl"].result_list


class TestLinks:
    def test_show_what_waits_for_their_order(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.pay(shopper.get(f"/buy/{mug.pk}").json()["url"])
        stripe_side.refund(stripe_side.objects("charge")[-1]["id"])
        early = stripe_side.event("refund.created")
        post_event(shopper, early)
        link = PaymentLink.objects.get()
        address = f"/admin/webhooks/paymentlink/{link.pk}/change/"
        page = admin_client.get(address).content.decode()
        assert "not known yet" in page
        assert f"refund.created {early['id']}" in page
        waiting = admin_client.get("/admin/webhooks/paymentlink/", {"order_id__isempty": "1"})
        assert list(waiting.context["cl"].result_list) == [link]
        post_event(shopper, stripe_side.event("charge.succeeded"))
        page = admin_client.get(address).content.decode()
        assert "/admin/orders/order/" in page
        assert early["id"] not in page
        assert admin_client.post(address, {}).status_code == 403

    def test_show_how_far_the_events_were_read(self, admin_client: Client) -> None:
        BackfillCursor.objects.create(account="euro", read_until=datetime(2026, 11, 23, 6, tzinfo=UTC))
        assert "2026-11-23 06:00:00" in admin_client.get("/admin/webhooks/backfillcursor/").content.decode()


class TestTheTimeline:
    @pytest.mark.parametrize(
        ("state", "seconds", "sentence"),
        [
            ("handled", 0, "Stripe delivered refund.created"),
            ("handled", 90, "Stripe delivered refund.created, which was handled at 2026-11-23 06:01:30"),
            ("ignored", 0, "Stripe delivered refund.created, which was not acted on"),
            (
                "refused",
                0,
                "Stripe delivered refund.created in another API version; its object will be read again in ours",
            ),
            (
                "failed",
                0,
                "Stripe delivered refund.created, and handling it failed (KeyError); it will be tried again",
            ),
        ],
    )
    def test_says_what_became_of_a_delivery(self, state: str, seconds: int, sentence: str) -> None:
        at = datetime(2026, 11, 23, 6, tzinfo=UTC)
        told = Delivery(type="refund.created", state=state, reason="KeyError", received_at=at)
        told.handled_at = at + timedelta(seconds=seconds)
        assert sentence_of(told) == sentence

    def test_has_a_sentence_for_every_state(self) -> None:
        assert SENTENCES.keys() == set(DeliveryState.values)


class TestPersonalData:
    def test_is_hidden_wherever_it_stands(self) -> None:
        charge = {
            "id": "ch_1",
            "amount": 1850,
            "receipt_email": "ada@example.com",
            "billing_details": {"name": "Ada", "address": {"line1": "Elm 1", "line2": None}, "tax_id": "7"},
            "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242", "checks": [1, None]}},
            "outcome": {"risk_level": "normal"},
            "refunds": [{"destination_details": {"card": {"reference": "9"}}}],
        }
        assert without_personal_data(charge) == {
            "id": "ch_1",
            "amount": 1850,
            "receipt_email": HIDDEN,
            "billing_details": {"name": HIDDEN, "address": {"line1": HIDDEN, "line2": None}, "tax_id": HIDDEN},
            "payment_method_details": {
                "type": HIDDEN,
                "card": {"brand": HIDDEN, "last4": HIDDEN, "checks": [HIDDEN, None]},
            },
            "outcome": {"risk_level": "normal"},
            "refunds": [{"destination_details": {"card": {"reference": HIDDEN}}}],
        }
