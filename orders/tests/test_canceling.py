"""Canceling an order: at Stripe first, and never while it is being paid."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing.gateway.errors import StripeUnreachable
from billing.models import StripeCall
from core.eventlog import provenance
from core.models import Event
from orders.decisions.canceling import OrderNotCancelable
from orders.models import Item, Order
from orders.services.canceling import cancel_order
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)


class TestCanceling:
    def test_closes_at_stripe_first(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        order_id = buy(shopper, mug)["order_id"]
        with provenance.acting("staff:1"):
            cancel_order(order_id=order_id, reason="staff")
            cancel_order(order_id=order_id, reason="staff")
        assert Order.objects.get().state == "canceled"
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]
        assert Event.objects.filter(kind="order.canceled").count() == 1

    def test_is_refused_once_the_session_is_completed(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"])
        with provenance.acting("staff:1"), pytest.raises(OrderNotCancelable):
            cancel_order(order_id=bought["order_id"], reason="staff")
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        assert Order.objects.get().state == "paid"

    def test_cancels_nothing_while_stripe_does_not_answer(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order_id = buy(shopper, mug)["order_id"]
        stripe_side.order_fault("drop", "POST /v1/checkout/sessions/*/expire", times=2)
        with provenance.acting("staff:1"):
            for _ in range(2):
                with pytest.raises(StripeUnreachable):
                    cancel_order(order_id=order_id, reason="staff")
            assert Order.objects.get().state == "pending"
            cancel_order(order_id=order_id, reason="staff")
        assert Order.objects.get().state == "canceled"
        assert StripeCall.objects.filter(operation="checkout.sessions.expire").count() == 1

    def test_of_an_order_whose_session_expired_unheard_is_done(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        """Its `checkout.session.expired` was lost; a changed price must not lock the shopper out of buying."""
        first = buy(shopper, mug)
        stripe_side.advance(25 * 3600)
        Item.objects.filter(pk=mug.pk).update(price=2500)
        second = buy(shopper, mug)
        assert Order.objects.get(pk=first["order_id"]).state == "canceled"
        assert Order.objects.get(pk=second["order_id"]).total == 2500

    def test_while_the_checkout_is_being_opened_sends_nobody_there(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("delay", seconds=2)

        def press() -> int:
            try:
                return int(shopper.get(f"/buy/{mug.pk}").status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            pressed = pool.submit(press)
            while not StripeCall.objects.exists():
                time.sleep(0.02)
            with provenance.acting("staff:1"):
                cancel_order(order_id=Order.objects.get().pk, reason="staff")
            assert pressed.result() == 409
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]
        assert Order.objects.get().state == "canceled"

    def test_for_idleness_is_given_up_where_a_decline_is_heard_of_while_it_is_closed_at_stripe(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], card="4000000000000002")
        stripe_side.order_fault("delay", "POST /v1/checkout/sessions/*/expire", seconds=1)
        idle_since = timezone.now()

        def cancel() -> bool:
            try:
                with provenance.acting("system:expiry"):
                    return cancel_order(order_id=bought["order_id"], reason="stale", idle_since=idle_since)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            canceled = pool.submit(cancel)
            while not StripeCall.objects.filter(operation="checkout.sessions.expire").exists():
                time.sleep(0.02)
            post_event(shopper, stripe_side.event("charge.failed"))
            assert not canceled.result()
        assert Order.objects.get().state == "pending"
        assert shopper.post(f"/order/{bought['order_id']}/checkout").status_code == 200
