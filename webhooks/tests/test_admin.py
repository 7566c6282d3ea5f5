"""Deliveries in the admin: to look at, and without what they say of a person."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.models import Item
from tests.simulated import SimulatedStripe, post_event
from webhooks.admin import HIDDEN, without_personal_data
from webhooks.models import Delivery

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
        assert len(asked) == 1
        assert "payload" not in asked[0]

    def test_are_found_by_order_and_by_event(self, admin_client: Client, delivery: Delivery) -> None:
        for term in (delivery.event_id, str(delivery.order_id)):
            page = admin_client.get("/admin/webhooks/delivery/", {"q": term})
            assert list(page.context["cl"].result_list) == [delivery]
        assert not admin_client.get("/admin/webhooks/delivery/", {"q": "evt_none"}).context["cl"].result_list


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
