"""The receipt of a paid order: for whoever may see the order, with all that its money did."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from orders.links import order_url
from orders.models import Item, Order, Refund
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = re.compile(r'<time [^>]*datetime="([^"]+)">([^<]+)</time>')
SHOP = "http://127.0.0.1:8000"


@pytest.fixture
def placed(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> dict[str, Any]:
    return buy(shopper, mug)


@pytest.fixture
def paid(shopper: Client, placed: dict[str, Any], stripe_side: SimulatedStripe) -> Order:
    stripe_side.pay(placed["url"])
    deliver_all(shopper, stripe_side)
    return Order.objects.get(pk=placed["order_id"])


def test_says_who_sold_what_when_and_what_was_paid_and_given_back(
    shopper: Client, paid: Order, stripe_side: SimulatedStripe, settings: Any
) -> None:
    settings.SHOP_NAME = "Mug & Sons"
    for amount in (850, 500):
        stripe_side.refund(stripe_side.objects("charge")[-1]["id"], amount=amount)
    deliver_all(shopper, stripe_side)
    answer = shopper.get(f"/order/{paid.pk}/receipt")
    page = answer.content.decode()
    assert answer.status_code == 200
    for said in (
        "Mug &amp; Sons",
        f"Receipt for order {paid.pk}",
        "Enamel mug",
        "$18.50",
        "-$8.50",
        "-$5.00",
    ):
        assert said in page
    assert page.count("<time") == 4
    assert "orders/receipt.css" in page
    assert "style=" not in page
    assert finders.find("orders/receipt.css")


@pytest.mark.parametrize(
    ("zone", "paid_on", "refunded_on"),
    [
        ("", "November 30, 2026, 3:30\N{NARROW NO-BREAK SPACE}PM UTC", "November 30, 2026"),
        ("Asia/Tokyo", "December 1, 2026, 12:30\N{NARROW NO-BREAK SPACE}AM", "December 1, 2026"),
    ],
)
def test_tells_times_in_the_readers_zone(
    shopper: Client, paid: Order, stripe_side: SimulatedStripe, zone: str, paid_on: str, refunded_on: str
) -> None:
    stripe_side.refund(stripe_side.objects("charge")[-1]["id"], amount=850)
    deliver_all(shopper, stripe_side)
    at = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)
    Order.objects.update(placed_at=at, paid_at=at)
    Refund.objects.update(updated_at=at)
    shopper.cookies["time_zone"] = zone
    told = [written for _, written in TIMES.findall(shopper.get(f"/order/{paid.pk}/receipt").content.decode())]
    assert told == [paid_on, paid_on, refunded_on]


@pytest.mark.parametrize("state", ["partially_refunded", "refunded"])
def test_stays_when_money_was_given_back(
    shopper: Client, paid: Order, stripe_side: SimulatedStripe, state: str
) -> None:
    amount = {"partially_refunded": 850, "refunded": 1850}[state]
    stripe_side.refund(stripe_side.objects("charge")[-1]["id"], amount=amount)
    deliver_all(shopper, stripe_side)
    assert Order.objects.get().state == state
    assert shopper.get(f"/order/{paid.pk}/receipt").status_code == 200


def test_is_seen_by_who_sees_the_order(shopper: Client, admin_client: Client, paid: Order) -> None:
    path, stranger = f"/order/{paid.pk}/receipt", Client()
    token = order_url(paid.pk).partition("?")[2]
    assert shopper.get(path).status_code == admin_client.get(path).status_code == 200
    assert stranger.get(path).status_code == stranger.get(f"{path}?token=wrong").status_code == 404
    page = stranger.get(f"{path}?{token}")
    assert page.status_code == 200
    assert page.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert f'href="/order/{paid.pk}?{token}"' in page.content.decode()


def test_is_led_to_from_the_orders_page_with_the_token(paid: Order) -> None:
    address = order_url(paid.pk).removeprefix(SHOP)
    token = address.partition("?")[2]
    assert f'href="/order/{paid.pk}/receipt?{token}"' in Client().get(address).content.decode()


def test_there_is_none_of_an_order_that_was_never_paid(
    shopper: Client, admin_client: Client, placed: dict[str, Any]
) -> None:
    path = f"/order/{placed['order_id']}"
    assert shopper.get(f"{path}/receipt").status_code == admin_client.get(f"{path}/receipt").status_code == 404
    assert "receipt" not in shopper.get(path).content.decode()
