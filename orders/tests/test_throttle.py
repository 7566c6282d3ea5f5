"""What is kept in the log for good is not asked for faster than a person can."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from orders import throttle
from orders.models import Item, Order
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


def put(client: Client, item: Item, quantity: int) -> Any:
    return client.post("/basket/items", {"item": item.pk, "quantity": quantity}, content_type="application/json")


class TestAShopper:
    def test_who_is_faster_than_a_person_is_refused_for_a_while(self, shopper: Client, mug: Item) -> None:
        for number in range(120):
            assert put(shopper, mug, number % 2 + 1).status_code == 200
        refused = put(shopper, mug, 5)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
        assert refused["Retry-After"]
        assert shopper.post(f"/order/{Order.objects.get().pk}/payment-intent").status_code == 429
        throttle.forget()
        assert put(shopper, mug, 5).json()["subtotal"] == 9250


class TestOpeningCheckouts:
    def test_is_limited_by_browser_until_time_has_passed(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, settings: Any
    ) -> None:
        settings.CHECKOUTS_PER_BROWSER = 3
        # Not in the past: the storage forgets in a thread of its own, whose clock goes on.
        with freeze_time(timezone.now()) as clock:
            for _ in range(3):
                assert shopper.get(f"/buy/{mug.pk}").status_code == 200
                clock.tick(60)
            refused = shopper.get(f"/buy/{mug.pk}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
            assert refused["Retry-After"] == str(10 * 60 - 3 * 60)
            page = shopper.post(f"/buy/{mug.pk}", headers={"accept": "text/html"})
            assert (page.status_code, page["Retry-After"]) == (429, "420")
            assert "Too many payments were begun" in page.content.decode()
            clock.tick(int(refused["Retry-After"]) - 1)
            assert shopper.get(f"/buy/{mug.pk}").status_code == 429
            clock.tick(2)
            assert shopper.get(f"/buy/{mug.pk}").status_code == 200

    def test_counts_every_way_to_one(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, settings: Any
    ) -> None:
        settings.CHECKOUTS_PER_BROWSER = 100
        order_id = buy(shopper, mug)["order_id"]
        put(shopper, mug, 1)
        settings.CHECKOUTS_PER_BROWSER = 1
        for path in (f"order/{order_id}/checkout", f"order/{order_id}/payment-intent", "basket/checkout"):
            throttle.forget()
            assert shopper.post(f"/{path}").status_code == 200, path
            assert shopper.post(f"/{path}").status_code == 429, path
            assert shopper.post(f"/buy/{mug.pk}").status_code == 429, path

    def test_is_limited_by_address_with_any_number_of_cookies(
        self, mug: Item, stripe_side: SimulatedStripe, settings: Any
    ) -> None:
        settings.CHECKOUTS_PER_ADDRESS = 3

        def buy_anew(address: str, *, with_cookie: bool = True) -> int:
            browser = Client(REMOTE_ADDR=address)
            if with_cookie:
                browser.get(f"/item/{mug.pk}")
            return int(browser.get(f"/buy/{mug.pk}").status_code)

        assert [buy_anew("192.0.2.1", with_cookie=bool(number % 2)) for number in range(3)] == [200] * 3
        assert [buy_anew("192.0.2.1"), buy_anew("192.0.2.1", with_cookie=False)] == [429, 429]
        assert buy_anew("192.0.2.2") == 200
        assert [buy_anew(f"2001:db8::{number}:1") for number in range(4)] == [200] * 3 + [429]
        assert buy_anew("2001:db8:0:1::1") == 200

    @pytest.mark.parametrize(
        ("address", "counted"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
            ("", ""),
        ],
    )
    def test_counts_an_address_by_whose_it_is(self, address: str, counted: str) -> None:
        assert throttle.network_of(address) == counted
