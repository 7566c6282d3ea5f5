"""Deliveries of another API version, whose object is read again: when that ends."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from core.models import Event
from orders.models import Item, Order
from orders.tests.shopping import buy
from orders.timeline import timeline
from tests.simulated import SimulatedStripe, post_event
from webhooks.models import Delivery, DeliveryState
from webhooks.services import retry_deliveries

pytestmark = pytest.mark.django_db(transaction=True)


def pay_and_tell(client: Client, item: Item, stripe_side: SimulatedStripe, account: str = "default") -> Order:
    """Of the payment alone its intent's event is posted, in another API version."""
    bought = buy(client, item)
    stripe_side.pay(bought["url"])
    event = stripe_side.event("payment_intent.succeeded", account) | {"api_version": "2020-08-27"}
    assert post_event(client, event, account).status_code == 200
    return Order.objects.get(pk=bought["order_id"])


class TestADeliveryWhoseObjectIsReadAgain:
    def test_is_done_with_when_stripe_has_it_no_more(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order = pay_and_tell(shopper, mug, stripe_side)
        stripe_side.reset()
        assert retry_deliveries() == 1
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.reason, delivery.try_at) == (DeliveryState.IGNORED, "object_gone", None)
        ignored = Event.objects.get(kind="order.event_ignored")
        assert (ignored.data["reason"], ignored.actor) == ("object_gone", "system:reread")
        assert ignored.cause == delivery.event_id
        assert timeline(order)[-1].sentence == (
            "payment_intent.succeeded changed nothing: Stripe has the object that it is about no more"
        )
        with freeze_time(timezone.now() + timedelta(days=1)):
            assert retry_deliveries() == 0

    def test_is_tried_for_as_long_as_stripe_does_not_answer(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        pay_and_tell(shopper, mug, stripe_side)
        stripe_side.order_fault("http_500", "GET /v1/payment_intents/*", times=0)
        now = timezone.now()
        for hours in range(8):
            with freeze_time(now + timedelta(hours=hours, minutes=hours)):
                assert retry_deliveries() == 0
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.attempts) == (DeliveryState.REFUSED, 9)

    def test_of_a_silent_account_does_not_keep_another_accounts_waiting(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        blanket = Item.objects.create(name="Blanket", price=14900, currency="eur")
        silent = pay_and_tell(shopper, mug, stripe_side)
        told = pay_and_tell(shopper, blanket, stripe_side, "euro")
        stripe_side.order_fault("drop", "GET /v1/payment_intents/*")
        assert retry_deliveries() == 1
        assert Delivery.objects.get(account="default").reason == "StripeUnreachable"
        assert Order.objects.get(pk=told.pk).state == "paid"
        assert Order.objects.get(pk=silent.pk).state == "pending"
