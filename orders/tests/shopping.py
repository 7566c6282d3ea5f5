"""What shoppers do, in one line each."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from orders.models import Item, Order
from tests.simulated import SimulatedStripe, post_event


def buy(client: Client, item: Item) -> dict[str, Any]:
    answer = client.get(f"/buy/{item.pk}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def deliver_all(client: Client, stripe_side: SimulatedStripe) -> None:
    for event in stripe_side.objects("event"):
        assert post_event(client, event).status_code == 200


def paid_twice(client: Client, item: Item, stripe_side: SimulatedStripe, amounts: tuple[int, int]) -> Order:
    """In two Sessions, the first over by our clock but not by Stripe's; `amounts` are what came in, in minor units."""
    first = buy(client, item)
    with freeze_time(timezone.now() + timedelta(hours=25), tick=True):
        second = buy(client, item)
    for session, amount in zip((first, second), amounts, strict=True):
        stripe_side.distort(session["session_id"], amount=amount)
        stripe_side.pay(session["url"])
        deliver_all(client, stripe_side)
    return Order.objects.get(pk=first["order_id"])
