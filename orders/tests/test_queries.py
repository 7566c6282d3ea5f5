"""No N+1: the number of queries is the same for one row and for many."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.eventlog import provenance
from core.tests.streams import draft_order
from orders.events import OrderLineSet
from orders.models import Item
from orders.shopper import COOKIE

pytestmark = pytest.mark.django_db

JSON = {"accept": "application/json"}


def queries(request: Callable[[], object]) -> int:
    request()  # the first request of a connection asks more
    with CaptureQueriesContext(connection) as captured:
        request()
    return len(captured)


def items(count: int) -> list[Item]:
    return [Item.objects.create(name=f"Item {number}", price=1000, currency="usd") for number in range(count)]


def test_catalogue(client: Client) -> None:
    items(1)
    few = queries(lambda: client.get("/"))
    items(30)
    assert queries(lambda: client.get("/")) == few == 1


@pytest.mark.parametrize("viewer", ["shopper", "staff"])
def test_orders_with_an_item(shopper: Client, admin_client: Client, mug: Item, viewer: str) -> None:
    browser = shopper if viewer == "shopper" else admin_client
    shopper_id = shopper.cookies[COOKIE].value.split(":")[0]

    def ask() -> int:
        answer = browser.get(f"/item/by_order/{mug.pk}")
        return len(answer.json())

    draft_order(mug, shopper_id=shopper_id, canceled=True)
    few, found = queries(ask), ask()
    for _ in range(30):
        draft_order(mug, shopper_id=shopper_id, canceled=True)
    assert (found, ask()) == (1, 31)
    assert queries(ask) == few


@pytest.mark.parametrize("headers", [JSON, {"accept": "text/html"}])
def test_order_with_many_lines(admin_client: Client, headers: dict[str, str]) -> None:
    small = draft_order(items(1)[0]).root.pk
    large = draft_order(items(1)[0])
    with provenance.acting("system:test"):
        large.record(*(OrderLineSet(item=item.pk, name=item.name, quantity=1, unit_amount=1) for item in items(30)))
        large.save()
    few = queries(lambda: admin_client.get(f"/order/{small}", headers=headers))
    assert queries(lambda: admin_client.get(f"/order/{large.root.pk}", headers=headers)) == few
