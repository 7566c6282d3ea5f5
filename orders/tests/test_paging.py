"""Pages by keys, in lists of more than one key: every row once, forwards and backwards."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time

from billing.gateway.calls import intend_call
from billing.models import StripeCall
from core.eventlog import provenance
from core.models import Event
from core.tests.streams import draft_order
from orders.events import OrderLineSet
from orders.models import Item, OrderLine

pytestmark = pytest.mark.django_db


def walked(client: Client, address: str, start: str, link: str) -> list[list[Any]]:
    """The keys on each page, from `start` on by this link of every page."""
    pages = []
    query = start
    while True:
        changes = client.get(f"{address}{query}").context["cl"]
        pages.append([row.pk for row in changes.result_list])
        query = getattr(changes.paginator, link)
        if not query:
            return pages


def flat(pages: list[list[Any]]) -> list[Any]:
    return [key for page in pages for key in page]


@pytest.fixture
def lines(mug: Item) -> list[str]:
    """Those of two orders of 60 lines and of three orders of one, as the list has them."""
    items = Item.objects.bulk_create(Item(name=f"Item {number}", price=1, currency="usd") for number in range(60))
    for _ in range(2):
        draft_order(mug)
        order = draft_order(items[0])
        with provenance.acting("system:test"):
            order.record(*(OrderLineSet(item=one.pk, name="x", quantity=1, unit_amount=1) for one in items))
            order.save()
    draft_order(mug)
    return list(OrderLine.objects.order_by("-order_id", "id").values_list("pk", flat=True))


class TestPages:
    address = "/admin/orders/orderline/"

    def test_lead_through_all_rows_once(self, admin_client: Client, lines: list[str]) -> None:
        pages = walked(admin_client, self.address, "", "next")
        assert [len(page) for page in pages] == [50, 50, 23]
        assert flat(pages) == lines

    def test_lead_back_through_all_rows_once(self, admin_client: Client, lines: list[str]) -> None:
        pages = walked(admin_client, self.address, "?p=last", "previous")
        assert flat(pages[::-1]) == lines

    def test_stand_still_while_rows_are_added(self, admin_client: Client, mug: Item, lines: list[str]) -> None:
        first = admin_client.get(self.address).context["cl"]
        draft_order(mug)
        second = admin_client.get(self.address + first.paginator.next).context["cl"]
        assert [line.pk for line in second.result_list] == lines[50:100]

    def test_go_by_time_where_many_rows_have_the_same(self, admin_client: Client) -> None:
        for second in range(30):
            with freeze_time(f"2026-11-25T12:00:{second:02}.5Z"), provenance.acting("system:test"):
                for number in range(4):
                    intend_call(account="default", operation="refunds.create", call_id=UUID(int=100 * number + second))
        calls = list(StripeCall.objects.order_by("-requested_at", "-id").values_list("pk", flat=True))
        assert flat(walked(admin_client, "/admin/billing/stripecall/", "", "next")) == calls
        assert flat(walked(admin_client, "/admin/billing/stripecall/", "?p=last", "previous")[::-1]) == calls

    def test_pass_over_no_rows_to_get_far(self, admin_client: Client, mug: Item) -> None:
        draft_order(mug)
        place = f"after~{Event.objects.latest('position').pk}"
        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get("/admin/core/event/", {"p": place})
        assert "order.drafted" in [event.kind for event in page.context["cl"].result_list]
        keys, _ = [query["sql"] for query in captured if "core_event" in query["sql"]]
        assert '"core_event"."position" < ' in keys
        assert keys.endswith("LIMIT 51")
