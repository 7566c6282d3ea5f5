"""The shop's addresses, tried by whoever means ill: somebody else's orders, prices, and ways out to other sites.

The addresses come from the resolver, so one that is added later is tried too.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core.models import Event
from orders.links import order_url
from orders.models import Item, Order
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
EVIL = "evil.example"
ELSEWHERE = [f"https://{EVIL}/", f"//{EVIL}/", f"https:{EVIL}", f"/\\{EVIL}", f"https://testserver@{EVIL}/"]
# What a parameter that leads somewhere may be called.
LEADING = [
    "next",
    "url",
    "return_url",
    "return_to",
    "redirect",
    "success_url",
    "cancel_url",
    "back",
    "continue",
    "goto",
]


def patterns(entries: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern), entry


def shop_paths(**values: object) -> dict[str, str]:
    """Every address but those of the admin, filled in; by its pattern."""
    found = {}
    for route, _pattern in patterns(get_resolver().url_patterns):
        if route.startswith("admin/"):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda named: str(values.get(named[1], 1)), route)
        found[route] = "/" + path.strip("^$")
    return found


def order_paths(order_id: int) -> list[str]:
    return [path for route, path in shop_paths(order_id=order_id).items() if "order_id" in route]


def without_address(page: bytes, path: str) -> bytes:
    """A page without its own address and its CSRF tokens, which are new each time."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", page).replace(path.encode(), b"")


@pytest.fixture
def theirs(mug: Item, stripe_side: SimulatedStripe) -> Order:
    """Somebody else's order, which can still be paid."""
    browser = Client()
    browser.get(f"/item/{mug.pk}")
    return Order.objects.get(pk=buy(browser, mug)["order_id"])


class TestSomebodyElsesOrder:
    def test_is_not_there_whatever_is_asked_of_it(
        self, shopper: Client, theirs: Order, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        own = Order.objects.get(pk=buy(shopper, mug)["order_id"])
        queries = ("", f"?{order_url(own).partition('?')[2]}", "?token=x")
        before = Event.objects.count()
        paths = zip(order_paths(theirs.pk), order_paths(10**9), strict=True)
        asked = 0
        for (path, missing), query, method, browser in product(paths, queries, METHODS, (Client(), shopper)):
            accept = {"accept": "text/html" if asked % 2 else "application/json"}
            answer, same = (getattr(browser, method)(where + query, headers=accept) for where in (path, missing))
            assert answer.status_code in {404, 405}, path
            assert answer.status_code == same.status_code, path
            assert without_address(answer.content, path) == without_address(same.content, missing), path
            asked += 1
        assert asked >= 6 * 3 * 7 * 2
        assert Event.objects.count() == before

    def test_is_there_for_whom_it_belongs_to(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        """Else the test above would prove nothing."""
        bought = buy(shopper, mug)
        own = bought["order_id"]
        stripe_side.pay(bought["url"])
        deliver_all(shopper, stripe_side)
        found = [path for path in order_paths(own) if shopper.get(path).status_code != 404]
        assert len(found) == len(order_paths(own))

    def test_is_in_no_list(self, shopper: Client, theirs: Order, mug: Item) -> None:
        assert shopper.get(f"/item/by_order/{mug.pk}").json() == []
        assert shopper.get(f"/item/by_order/{mug.pk}?{order_url(theirs).partition('?')[2]}").json() == []


class TestPricesAndQuantities:
    PRICED = {
        "price": 1, "amount": 1, "unit_amount": 1, "total": 1, "subtotal": 1, "discount": 1850, "tax": 0,
        "currency": "jpy", "name": "Free", "account": "euro", "order_id": 1, "state": "paid",
    }  # fmt: skip

    @pytest.mark.parametrize("content_type", [JSON, None])
    def test_are_the_catalogues_whatever_is_posted(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, content_type: str | None
    ) -> None:
        sent: dict[str, Any] = {"content_type": content_type} if content_type else {}
        bought = shopper.post(f"/buy/{mug.pk}?price=1&quantity=9", self.PRICED | {"quantity": 9}, **sent).json()
        shopper.post("/basket/items", self.PRICED | {"item": mug.pk, "quantity": 2}, **sent)
        basket = shopper.post("/basket/checkout", self.PRICED | {"quantity": 9}, **sent).json()
        again = shopper.post(f"/order/{bought['order_id']}/checkout", self.PRICED, **sent).json()
        assert again["url"] == bought["url"]
        figures = Order.objects.order_by("pk").values_list("total", "currency", "account", "state")
        assert list(figures) == [(1850, "usd", "default", "pending"), (3700, "usd", "default", "pending")]
        charged = {session["id"]: session["amount_total"] for session in stripe_side.objects("checkout.session")}
        assert charged == {bought["session_id"]: 1850, basket["session_id"]: 3700}

    def test_that_are_no_quantities_are_refused(self, shopper: Client, mug: Item) -> None:
        for quantity in ("-1", "1.5", "NaN", "Infinity", "1e2", "٣", "0x10", "", "9" * 30, "null", "true", "[1]"):
            typed = {"item": mug.pk, "quantity": quantity}
            as_number = f'{{"item": {mug.pk}, "quantity": {quantity}}}'
            for answer in (
                shopper.post("/basket/items", typed),
                shopper.post("/basket/items", typed, content_type=JSON),
                shopper.post("/basket/items", as_number, content_type=JSON),
            ):
                assert answer.status_code == 400, quantity
        assert not Order.objects.exists()

    def test_that_are_too_large_are_refused(self, shopper: Client, mug: Item) -> None:
        for quantity in (10**6, 10**9, 2**31, 10**17, 2**63 - 1, 2**64):
            answer = shopper.post("/basket/items", {"item": mug.pk, "quantity": quantity}, content_type=JSON)
            assert 400 <= answer.status_code < 500, quantity
        assert not [line for order in Order.objects.all() for line in order.lines.all()]


class TestNoAddressLeads:
    @pytest.fixture
    def own(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
        return Order.objects.get(pk=buy(shopper, mug)["order_id"])

    def test_elsewhere_however_it_is_asked(self, shopper: Client, own: Order, mug: Item) -> None:
        ours = {"", "testserver", *(urlsplit(url).netloc for url in (settings.PUBLIC_URL, settings.STRIPE_API_BASE))}
        paths = shop_paths(order_id=own.pk, item_id=mug.pk, account_name="default").values()
        led = 0
        for where, path in product(ELSEWHERE, paths):
            asked = dict.fromkeys(LEADING, where)
            page = {"accept": "text/html", "referer": where}
            form = asked | {"item": mug.pk, "quantity": 1, "language": "ru", "generation": 0}
            for answer in (shopper.get(path, asked, headers=page), shopper.post(path, form, headers=page)):
                location = answer.headers.get("Location", "")
                assert urlsplit(location).netloc in ours, path
                assert not location.startswith(("//", "/\\")), path
                assert f'="{where}' not in answer.content.decode(), path
                led += bool(location)
        assert led > len(ELSEWHERE)

    def test_from_the_sign_in(self, admin_user: Any) -> None:
        for where in ELSEWHERE:
            form = {"username": "admin", "password": "password", "next": where}
            answer = Client().post(f"/admin/login/?next={where}", form)
            assert answer.status_code == 302
            assert EVIL not in answer["Location"]

    def test_by_a_forged_host(self, shopper: Client, own: Order, mug: Item) -> None:
        shopper.post("/basket/items", {"item": mug.pk, "quantity": 1})
        forged = {"host": EVIL, "x-forwarded-host": EVIL, "forwarded": f"host={EVIL}", "x-original-url": f"//{EVIL}/"}
        for name, value in forged.items():
            for answer in (
                shopper.get(f"/order/{own.pk}/pay", headers={name: value}),
                shopper.post("/basket/checkout", {"pay": "here"}, headers={name: value}),
            ):
                assert (answer.status_code == 400) is (name == "host"), name
                assert EVIL not in answer.content.decode() + answer.headers.get("Location", "")

    def test_by_what_stripe_is_told(self, own: Order, shopper: Client, stripe_side: SimulatedStripe) -> None:
        [session] = stripe_side.objects("checkout.session")
        for name in ("success_url", "cancel_url"):
            assert session[name].startswith(f"{settings.PUBLIC_URL}/order/{own.pk}?")


def test_the_links_of_one_order_open_no_other(
    shopper: Client, theirs: Order, mug: Item, stripe_side: SimulatedStripe
) -> None:
    own = Order.objects.get(pk=buy(shopper, mug)["order_id"])
    deliver_all(shopper, stripe_side)
    links = {order.pk: order_url(order).partition("?")[2] for order in (own, theirs)}
    for order in (own, theirs):
        seen = {pk for pk, token in links.items() if Client().get(f"/order/{order.pk}?{token}").status_code == 200}
        assert seen == {order.pk}
