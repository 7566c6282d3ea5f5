"""Events that Stripe signed and nobody can read: kept, told to no order, and handled once they can be read."""

from typing import Any

import pytest
from django.test import Client

from core.models import Event
from orders.models import Item, Order
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery, DeliveryState
from webhooks.readers import READERS, SHAPES

pytestmark = pytest.mark.django_db(transaction=True)

LEFT_OUT = object()


@pytest.fixture
def completed(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> dict[str, Any]:
    """The event of a Session that was paid; no delivery has come yet."""
    stripe_side.pay(shopper.get(f"/buy/{mug.pk}").json()["url"])
    return stripe_side.event("checkout.session.completed")


def with_field(event: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    told = {key: each for key, each in event["data"]["object"].items() if key != name}
    told |= {} if value is LEFT_OUT else {name: value}
    return event | {"data": event["data"] | {"object": told}}


UNREADABLE = [
    ("payment_intent", {"id": "pi_1"}),
    ("payment_status", 1),
    ("amount_total", LEFT_OUT),
    ("amount_total", "1850"),
    ("amount_total", 18.5),
    ("amount_total", -1),
    ("amount_total", 10**18),
    ("currency", None),
    ("currency", "dollars"),
    ("customer_details", ["shopper@example.com"]),
    ("customer_email", 5),
]


def test_nothing_is_read_whose_shape_is_not_known() -> None:
    assert set(READERS.values()) == set(SHAPES)


def test_what_cannot_be_read_is_kept_with_the_name_of_the_field(client: Client, completed: dict[str, Any]) -> None:
    order, before = Order.objects.get(), Event.objects.count()
    for number, (field, value) in enumerate(UNREADABLE):
        answer = post_event(client, with_field(completed, field, value) | {"id": f"evt_{number}"})
        assert (answer.status_code, answer.json()["state"]) == (200, DeliveryState.FAILED)
        delivery = Delivery.objects.get(event_id=f"evt_{number}")
        assert (delivery.reason, delivery.order_id) == (f"unreadable: $.{field}", order.pk)
        assert delivery.try_at is not None  # the next release may be able to
    assert (Event.objects.count(), Order.objects.get().state) == (before, "pending")


def test_it_is_handled_when_it_comes_again_and_can_be_read(client: Client, completed: dict[str, Any]) -> None:
    post_event(client, with_field(completed, "currency", None))
    assert post_event(client, completed).json()["state"] == DeliveryState.HANDLED
    assert Order.objects.get().state == "paid"


@pytest.mark.parametrize(
    ("event_type", "told"),
    [
        ("payment_intent.succeeded", {"object": "payment_intent"}),
        ("refund.created", {"object": "refund", "payment_intent": "x" * 256}),
        ("review.opened", {"object": "review", "payment_intent": {"id": "pi_1"}}),
    ],
)
def test_an_object_without_an_id_of_its_payment_is_not_ours(
    client: Client, event_type: str, told: dict[str, Any]
) -> None:
    event = {"id": "evt_1", "type": event_type, "livemode": False, "data": {"object": told}}
    assert post_event(client, event).json()["state"] == DeliveryState.IGNORED
