"""The Buy button, from the item's page to a paid order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from freezegun import freeze_time

from billing.models import CallState, StripeCall
from billing.services import sweep_open_calls
from core.eventlog import provenance
from core.models import Event
from orders.models import Checkout, Item, Order
from orders.services.buying import buy_item
from orders.shopper import COOKIE
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)

JSON = {"accept": "application/json"}
HTML = {"accept": "text/html"}


class TestTheBuyButton:
    def test_answers_with_a_session_that_the_shopper_can_pay(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        [session] = stripe_side.objects("checkout.session")
        assert bought == {"session_id": session["id"], "url": session["url"], "order_id": Order.objects.get().pk}
        assert session["amount_total"] == mug.price

    def test_keeps_the_language_that_the_shopper_ordered_in(self, mug: Item, stripe_side: SimulatedStripe) -> None:
        with provenance.acting("shopper"), translation.override("ru"):
            buy_item(shopper_id="somebody", item_id=mug.pk)
        assert Order.objects.get().language == "ru"

    def test_redirects_a_form_to_the_checkout(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        answer = shopper.post(f"/buy/{mug.pk}", headers=HTML)
        assert answer.status_code == 303
        assert answer["Location"] == Checkout.objects.get().url

    def test_needs_a_csrf_token_to_be_posted(self, mug: Item) -> None:
        answer = Client(enforce_csrf_checks=True).post(f"/buy/{mug.pk}", headers=JSON)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "csrf_failed"

    def test_gives_the_same_checkout_when_pressed_again(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        assert buy(shopper, mug) == buy(shopper, mug)
        assert len(stripe_side.objects("checkout.session")) == 1
        assert Order.objects.count() == 1

    def test_gives_one_order_and_one_session_to_two_tabs_at_once(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("delay", seconds=1)
        tabs = [Client() for _ in range(4)]
        for tab in tabs:
            tab.cookies = shopper.cookies

        def press(tab: Client) -> dict[str, Any]:
            try:
                return buy(tab, mug)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(press, tabs))
        assert answers == [answers[0]] * 4
        assert len(stripe_side.objects("checkout.session")) == 1
        assert Order.objects.count() == 1

    def test_makes_a_new_order_once_the_last_one_is_paid(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        first = buy(shopper, mug)
        stripe_side.pay(first["url"])
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        assert buy(shopper, mug)["order_id"] != first["order_id"]

    def test_never_charges_a_price_that_the_page_no_longer_shows(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        first = buy(shopper, mug)
        Item.objects.filter(pk=mug.pk).update(price=2500)
        second = buy(shopper, mug)
        assert Order.objects.get(pk=second["order_id"]).total == 2500
        assert Order.objects.get(pk=first["order_id"]).state == "canceled"
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired", "open"]

    def test_says_in_json_that_an_item_is_unknown(self, shopper: Client) -> None:
        answer = shopper.get("/buy/999999", headers=HTML)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"

    def test_refuses_an_item_that_no_account_serves(self, shopper: Client) -> None:
        item = Item.objects.create(name="Tea", price=900, currency="gbp")
        answer = shopper.get(f"/buy/{item.pk}")
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "currency_not_served"
        assert not Event.objects.exists()

    def test_refuses_less_than_stripe_charges(self, shopper: Client) -> None:
        item = Item.objects.create(name="Pin", price=49, currency="usd")
        answer = shopper.get(f"/buy/{item.pk}")
        assert answer.status_code == 409
        assert "$0.50" in answer.json()["error"]["message"]

    def test_uses_the_account_of_the_items_currency(self, shopper: Client, stripe_side: SimulatedStripe) -> None:
        blanket = Item.objects.create(name="Blanket", price=14900, currency="eur")
        buy(shopper, blanket)
        assert len(stripe_side.objects("checkout.session", "euro")) == 1
        assert Order.objects.get().account == "euro"


class TestStrangers:
    def test_get_a_cookie_from_the_items_page(self, client: Client, mug: Item) -> None:
        cookie = client.get(f"/item/{mug.pk}").cookies[COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"

    def test_are_limited_when_they_buy_without_one(self, mug: Item, stripe_side: SimulatedStripe) -> None:
        answers = [Client().get(f"/buy/{mug.pk}").status_code for _ in range(12)]
        assert answers == [200] * 10 + [429] * 2

    def test_can_not_forge_one(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        order_id = buy(shopper, mug)["order_id"]
        forger = Client()
        forger.cookies[COOKIE] = Order.objects.get().shopper_id
        assert forger.get(f"/order/{order_id}", headers=JSON).status_code == 404

    @pytest.mark.parametrize("header", ["sec-purpose", "purpose", "x-moz"])
    def test_are_refused_while_they_only_prefetch(self, client: Client, mug: Item, header: str) -> None:
        answer = client.get(f"/buy/{mug.pk}", headers={header: "prefetch;prerender"})
        assert answer.status_code == 403
        assert not Order.objects.exists()


class TestWhenStripeFails:
    def test_a_refusal_leaves_the_order_payable_under_a_new_key(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        # Stripe refuses a product without a name; our own form would, too.
        Item.objects.filter(pk=mug.pk).update(name="")
        refused = shopper.get(f"/buy/{mug.pk}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (502, "stripe_refused")
        assert shopper.get(f"/buy/{mug.pk}").status_code == 502
        assert [call.state for call in StripeCall.objects.all()] == [CallState.FAILED, CallState.FAILED]
        assert Order.objects.get().state == "pending"

    def test_a_busy_stripe_after_a_lost_answer_does_not_make_a_second_session(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("timeout_after", seconds=1)
        assert shopper.get(f"/buy/{mug.pk}").status_code == 503
        stripe_side.order_fault("http_429")
        answer = shopper.get(f"/buy/{mug.pk}")
        assert answer.status_code == 503
        assert answer["Retry-After"]
        buy(shopper, mug)
        assert len(stripe_side.objects("checkout.session")) == 1

    def test_pressing_again_finds_out_what_became_of_a_call_that_stripe_forgot(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("timeout_after", seconds=1)
        assert shopper.get(f"/buy/{mug.pk}").status_code == 503
        with freeze_time(timedelta(hours=24) + StripeCall.objects.get().requested_at):  # type: ignore[operator]
            shopper.get(f"/buy/{mug.pk}")
        assert len(stripe_side.requests_of("POST", "/v1/checkout/sessions")) == 1
        assert Checkout.objects.count() == 1

    def test_pressing_again_and_again_gets_past_a_replayed_500(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("http_500")
        answers = [shopper.get(f"/buy/{mug.pk}").status_code for _ in range(4)]
        assert answers == [503, 503, 502, 200]
        assert len(stripe_side.objects("checkout.session")) == 1

    def test_a_stranger_finds_the_order_again_after_a_failure(self, mug: Item, stripe_side: SimulatedStripe) -> None:
        browser = Client()
        stripe_side.order_fault("drop")
        assert browser.get(f"/buy/{mug.pk}").status_code == 503
        buy(browser, mug)
        assert Order.objects.count() == 1

    def test_one_call_that_can_not_be_settled_does_not_keep_the_others_waiting(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("drop", times=2)
        shopper.get(f"/buy/{mug.pk}")
        Order.objects.all().delete()
        assert shopper.get(f"/buy/{mug.pk}").status_code == 503
        assert sweep_open_calls(older_than=timedelta()) == 1
        assert [call.state for call in StripeCall.objects.order_by("requested_at")] == ["unknown", "succeeded"]

    @pytest.mark.parametrize("fault", ["drop", "http_500", "http_429"])
    def test_an_unknown_outcome_is_repeated_under_the_same_key(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, fault: str
    ) -> None:
        stripe_side.order_fault(fault)
        assert shopper.get(f"/buy/{mug.pk}").status_code == 503
        call = StripeCall.objects.get()
        assert call.state == CallState.UNKNOWN
        shopper.get(f"/buy/{mug.pk}")
        keys = {one["idempotency_key"] for one in stripe_side.requests_of("POST", "/v1/checkout/sessions")}
        assert keys == {str(call.pk)}

    def test_pages_say_what_happened_and_what_to_do(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("drop")
        answer = shopper.post(f"/buy/{mug.pk}", headers=HTML)
        assert answer.status_code == 503
        assert b"You were not charged" in answer.content

    def test_the_sweeper_opens_the_checkout_that_was_left_unknown(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("drop")
        shopper.get(f"/buy/{mug.pk}")
        assert sweep_open_calls(older_than=timedelta()) == 1
        [session] = stripe_side.objects("checkout.session")
        assert Checkout.objects.get().session_id == session["id"]
        assert buy(shopper, mug)["session_id"] == session["id"]

    def test_a_session_made_by_a_call_that_stripe_no_longer_remembers_is_looked_up(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        made = buy(shopper, mug)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE billing_stripecall SET state = 'unknown', object_id = ''")
            cursor.execute("DELETE FROM orders_checkout")
        with freeze_time(timedelta(hours=24) + StripeCall.objects.get().requested_at):  # type: ignore[operator]
            assert sweep_open_calls() == 1
        assert Checkout.objects.get().session_id == made["session_id"]
        assert len(stripe_side.objects("checkout.session")) == 1

    def test_a_replayed_500_is_looked_up_and_found_not_carried_out(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.order_fault("http_500")
        shopper.get(f"/buy/{mug.pk}")
        sweep_open_calls(older_than=timedelta())
        assert StripeCall.objects.get().reason == "server_error_replayed"
        assert sweep_open_calls(older_than=timedelta()) == 1
        call = StripeCall.objects.get(operation="checkout.sessions.create")
        assert (call.state, call.reason) == (CallState.FAILED, "not_carried_out")
        buy(shopper, mug)


class TestAWaitingPage:
    def test_is_loaded_anew_by_a_link_where_no_script_runs_and_never_by_itself(
        self, shopper: Client, mug: Item
    ) -> None:
        """WCAG's failure F41: a page that reloads itself takes the place away from who reads it slowly."""
        path = f"/order/{buy(shopper, mug)['order_id']}"
        waiting = shopper.get(f"{path}?returned=1").content.decode()
        assert '<noscript><p><a href="">Look again</a></p></noscript>' in waiting
        assert "http-equiv" not in waiting
        assert "Look again" not in shopper.get(path).content.decode()


class TestAPaidOrder:
    def test_turns_paid_when_the_session_completes(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        back = stripe_side.pay(bought["url"])
        assert shopper.get(f"/order/{bought['order_id']}/status").json() == {
            "state": "pending",
            "payment": "open",
            "final": False,
        }
        assert post_event(shopper, stripe_side.event("checkout.session.completed")).status_code == 200
        order = shopper.get(f"/order/{bought['order_id']}", headers=JSON).json()
        assert order == {
            "id": bought["order_id"],
            "state": "paid",
            "dispute_state": "none",
            "currency": "usd",
            "subtotal": 1850,
            "discount": 0,
            "tax": 0,
            "total": 1850,
            "received": 1850,
            "refunded": 0,
            "surplus": 0,
            "lines": [
                {
                    "item": mug.pk,
                    "name": "Enamel mug",
                    "quantity": 1,
                    "unit_amount": 1850,
                    "subtotal": 1850,
                    "discount": 0,
                    "tax": 0,
                    "total": 1850,
                }
            ],
        }
        assert shopper.get(f"/order/{bought['order_id']}/status").json() == {
            "state": "paid",
            "payment": "succeeded",
            "final": True,
        }
        assert back.status_code == 303

    def test_is_seen_in_another_browser_through_the_link_that_stripe_returns_to(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        back = urlsplit(stripe_side.pay(bought["url"]).headers["Location"])
        link = f"{back.path}?{back.query}"
        assert Client().get(link).status_code == 200
        assert Client().get(link.replace("token=", "token=0")).status_code == 404
        assert Client().get(back.path).status_code == 404
        with freeze_time(timedelta(days=31) + Order.objects.get().drafted_at):  # type: ignore[operator]
            assert Client().get(link).status_code == 404

    def test_can_not_be_paid_again(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"])
        post_event(shopper, stripe_side.event("payment_intent.succeeded"))
        answer = shopper.post(f"/order/{bought['order_id']}/checkout", headers=JSON)
        assert answer.status_code == 409
        assert answer.json()["error"] == {
            "code": "not_payable",
            "message": "This order can't be paid: it is paid already.",
        }


class TestOrdersWithAnItem:
    def test_are_shown_to_whom_they_belong(
        self, shopper: Client, admin_client: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order_id = buy(shopper, mug)["order_id"]
        path = f"/item/by_order/{mug.pk}"
        assert [order["id"] for order in shopper.get(path).json()] == [order_id]
        assert Client().get(path).json() == []
        assert [order["id"] for order in admin_client.get(path).json()] == [order_id]
        assert admin_client.get(f"{path}?before={order_id}").json() == []
        assert admin_client.get(f"{path}?before=x").status_code == 400
