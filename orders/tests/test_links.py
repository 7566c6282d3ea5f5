"""Signed links: they open one order, until they expire or are revoked."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from core.eventlog.replay import check_rows, rebuild_rows
from core.models import Event
from orders.links import order_url
from orders.models import Item, Order
from orders.tests.shopping import buy
from orders.tests.staff import OPERATE, VIEW, actor, person
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)
# What differs from one answer to the next: the CSRF token, and the address that was asked for.
ITS_OWN = re.compile(r'name="(csrfmiddlewaretoken|next)" value="[^"]*"')
PAGE = {"accept": "text/html"}
CLOSED = "This link has expired or was made invalid."


@pytest.fixture
def order(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
    return Order.objects.get(pk=buy(shopper, mug)["order_id"])


def link_to(order: Order) -> str:
    return order_url(order.pk).removeprefix("http://127.0.0.1:8000")


def opens(link: str) -> bool:
    return bool(Client().get(link, headers=PAGE).status_code == 200)


def revoke(client: Client, order: Order, generation: object = 0) -> Any:
    return client.post(f"/order/{order.pk}/revoke-links", {"generation": generation}, headers=PAGE)


class TestALink:
    def test_opens_its_order_for_thirty_days(self, order: Order) -> None:
        link = link_to(order)
        for days, is_open in ((29, True), (31, False)):
            with freeze_time(timezone.now() + timedelta(days=days)):
                assert opens(link) is is_open

    def test_opens_no_other_order(self, order: Order, mug: Item) -> None:
        browser = Client()
        browser.get(f"/item/{mug.pk}")
        other = buy(browser, mug)["order_id"]
        query = link_to(order).partition("?")[2]
        for part in ("", "/status"):
            assert Client().get(f"/order/{order.pk}{part}?{query}").status_code == 200
            assert Client().get(f"/order/{other}{part}?{query}").status_code == 404

    def test_that_is_closed_says_so_and_nothing_of_the_order(self, order: Order) -> None:
        pages = []
        for number in (order.pk, order.pk + 1000):
            answer = Client().get(f"/order/{number}?token=expired", headers=PAGE)
            assert answer.status_code == 404
            pages.append(ITS_OWN.sub("", answer.content.decode()))
        assert CLOSED in pages[0]
        assert pages[0] == pages[1]
        bare = Client().get(f"/order/{order.pk}", headers=PAGE)
        assert (bare.status_code, CLOSED in bare.content.decode()) == (404, False)
        assert Client().get(f"/order/{order.pk}/status?token=expired").json()["error"]["code"] == "not_found"


class TestRevoking:
    def test_closes_the_links_made_so_far_to_everybody_but_the_own_browser(self, shopper: Client, order: Order) -> None:
        old = link_to(order)
        answer = revoke(shopper, order)
        assert (answer.status_code, answer["Location"]) == (303, f"/order/{order.pk}")
        assert not opens(old)
        assert opens(link_to(Order.objects.get()))
        page = shopper.get(old, headers=PAGE)
        assert "The links to this page that were sent before were made invalid." in page.content.decode()

    def test_twice_is_revoking_once(self, shopper: Client, order: Order) -> None:
        for _ in range(2):
            assert revoke(shopper, order).status_code == 303
        assert Order.objects.get().link_generation == 1
        assert Event.objects.filter(kind="order.links_revoked").count() == 1
        revoke(shopper, order, 1)
        assert Order.objects.get().link_generation == 2
        rebuild_rows()
        assert [*check_rows()] == []
        assert Order.objects.get().link_generation == 2

    @pytest.mark.parametrize("generation", ["", "x", "-1", "1e3"])
    def test_needs_to_know_what(self, shopper: Client, order: Order, generation: str) -> None:
        assert revoke(shopper, order, generation).status_code == 400
        assert Order.objects.get().link_generation == 0

    def test_is_for_the_shopper_alone(self, order: Order, admin_client: Client) -> None:
        query = link_to(order).partition("?")[2]
        for browser in (Client(), admin_client):
            answer = browser.post(f"/order/{order.pk}/revoke-links?{query}", {"generation": 0})
            assert answer.status_code == 404
        assert Order.objects.get().link_generation == 0

    def test_is_offered_on_the_page_to_them_alone(self, shopper: Client, order: Order) -> None:
        assert f'action="/order/{order.pk}/revoke-links"' in shopper.get(link_to(order)).content.decode()
        assert "revoke-links" not in Client().get(link_to(order)).content.decode()

    def test_needs_a_csrf_token(self, mug: Item, shopper: Client, order: Order) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.cookies = shopper.cookies
        assert revoke(browser, order).status_code == 403


class TestStaff:
    def test_revoke_links_once_asked_and_in_their_name(self, order: Order) -> None:
        browser = person("olga", *OPERATE)
        address = f"/admin/orders/order/{order.pk}/revoke_links/"
        page = browser.get(f"/admin/orders/order/{order.pk}/change/")
        assert address in [offer.address for offer in page.context["offers"]]
        old = link_to(order)
        assert "will open nothing any more" in browser.get(address).content.decode()
        assert opens(old)
        for _ in range(2):
            browser.post(address, {"generation": "0"})
        assert not opens(old)
        assert Event.objects.get(kind="order.links_revoked").actor == actor("olga")
        assert (
            "The form was broken: nothing was done."
            in browser.post(address, {"generation": "x"}, follow=True).content.decode()
        )

    def test_who_only_look_do_not(self, order: Order) -> None:
        browser = person("vera", *VIEW)
        assert browser.post(f"/admin/orders/order/{order.pk}/revoke_links/", {"generation": "0"}).status_code == 403
        assert Order.objects.get().link_generation == 0
