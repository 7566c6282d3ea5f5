"""The list of orders: its filters, alone and together, its search, its pages, and what it costs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID, uuid4

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun import freeze_time

from billing.gateway.calls import intend_call
from core.eventlog import provenance
from orders.admin.order_list import OrderList
from orders.events import (
    OrderAttentionRaised,
    OrderCanceled,
    OrderCheckoutOpened,
    OrderDisputeUpdated,
    OrderDrafted,
    OrderPaid,
    OrderPaymentUpdated,
    OrderPlaced,
    OrderRefunded,
    OrderRefundUpdated,
    OrderReviewUpdated,
)
from orders.finding import order_finders
from orders.models import Item, Order
from orders.projections import OrderAggregate
from orders.quote import PricedItem, quote_lines
from orders.services.drafting import next_order_id
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
NOW = "2026-11-25T12:00:00Z"
CALL_ID = UUID("26436551-9443-451a-af9c-60a8812781ce")
PAYMENT = OrderPaymentUpdated(
    payment_intent="pi_1",
    source="payment_intent",
    source_id="pi_1",
    charge="ch_1",
    status="succeeded",
    amount=1850,
    currency="usd",
    account="default",
    livemode=False,
)
REFUND = OrderRefundUpdated(
    refund="re_1",
    payment_intent="pi_1",
    charge="py_1",
    status="succeeded",
    amount=850,
    currency="usd",
    failure_reason="",
)
DISPUTE = OrderDisputeUpdated(
    dispute="du_1",
    payment_intent="pi_2",
    charge="ch_2",
    status="needs_response",
    amount=5200,
    currency="eur",
    reason="fraudulent",
    due_by=None,
)
SESSION = OrderCheckoutOpened(attempt=1, call_id=str(CALL_ID), session_id="cs_1", url="", expires_at=None)


def ordered(
    item: Item, *facts: object, at: str, account: str = "default", quantity: int = 1, placed: bool = True
) -> Order:
    """An order of one line, with what happened to it then."""
    quote = quote_lines(item.currency, [PricedItem(item.pk, item.name, quantity, item.price)])
    drafted = OrderDrafted(
        shopper_id=uuid4().hex, account=account, livemode=False, currency=item.currency, buy_item=item.pk
    )
    frozen = OrderPlaced(lines=quote.lines, subtotal=quote.subtotal, discount=0, tax=0, total=quote.total)
    with freeze_time(at), provenance.acting("system:test", cause=f"evt_{item.currency}"):
        order = OrderAggregate.begin(next_order_id())
        order.record(drafted, *([frozen] if placed else []), *facts)
        order.save()
    return Order.objects.get(pk=order.root.pk)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    """Sessions and periods are of the time that is written in the tests, whenever they run."""
    with freeze_time(NOW):
        yield


@pytest.fixture
def shelf(mug: Item) -> dict[str, Item]:
    knife = Item.objects.create(name="Pocket knife", price=5200, currency="eur")
    return {"mug": mug, "knife": knife, "kettle": Item.objects.create(name="Kettle", price=16500, currency="jpy")}


@pytest.fixture
def named(shelf: dict[str, Item]) -> dict[str, Order]:
    """By what is special about each; oldest first."""
    mug, knife, kettle = shelf["mug"], shelf["knife"], shelf["kettle"]
    return {
        "old": ordered(kettle, OrderCanceled(reason="stale"), at="2025-03-01T00:00:00Z"),
        "refunded": ordered(
            mug,
            SESSION,
            PAYMENT,
            OrderPaid(received=1850),
            REFUND,
            OrderRefunded(state="partially_refunded", refunded=850, net=1000),
            at="2026-11-01T00:00:00Z",
        ),
        "disputed": ordered(
            knife,
            OrderPaid(received=5200),
            DISPUTE,
            OrderReviewUpdated(review="prv_1", payment_intent="pi_2", is_open=True, reason="rule"),
            OrderAttentionRaised(reason="disputed"),
            OrderAttentionRaised(reason="in_review"),
            at="2026-11-19T00:00:00Z",
            account="euro",
        ),
        "many": ordered(mug, at="2026-11-25T00:00:00Z", quantity=10),
        "draft": ordered(mug, at="2026-11-25T11:00:00Z", placed=False),
    }


def found(client: Client, named: dict[str, Order], **chosen: str) -> list[str]:
    page = client.get(LIST, chosen)
    assert page.status_code == 200, page.headers
    names = {order.pk: name for name, order in named.items()}
    return [names[order.pk] for order in page.context["cl"].result_list]


class TestAFilter:
    @pytest.mark.parametrize(
        ("chosen", "expected"),
        [
            ({}, ["draft", "many", "disputed", "refunded", "old"]),
            ({"state__exact": "draft"}, ["draft"]),
            ({"state__exact": "pending"}, ["many"]),
            ({"state__exact": "paid"}, ["disputed"]),
            ({"state__exact": "partially_refunded"}, ["refunded"]),
            ({"state__exact": "canceled"}, ["old"]),
            ({"state__exact": "refunded"}, []),
            ({"state__exact": ""}, ["draft", "many", "disputed", "refunded", "old"]),
            ({"dispute_state__exact": "open"}, ["disputed"]),
            ({"dispute_state__exact": "lost"}, []),
            ({"attention": "any"}, ["disputed"]),
            ({"attention": "disputed"}, ["disputed"]),
            ({"attention": "in_review"}, ["disputed"]),
            ({"attention": "surplus"}, []),
            ({"currency": "usd"}, ["draft", "many", "refunded"]),
            ({"currency": "kwd"}, []),
            ({"account": "euro"}, ["disputed"]),
            ({"account": "gone"}, []),
            ({"placed": "today"}, ["many"]),
            ({"placed": "week"}, ["many", "disputed"]),
            ({"placed": "month"}, ["many", "disputed", "refunded"]),
            ({"placed_from": "2026-11-19"}, ["many", "disputed"]),
            ({"placed_from": "2026-11-20"}, ["many"]),
            ({"placed_to": "2026-11-01"}, ["refunded", "old"]),
            ({"placed_from": "2026-11-01", "placed_to": "2026-11-19"}, ["disputed", "refunded"]),
            ({"placed_from": "2026-11-19", "placed_to": "2026-11-01"}, []),
            ({"currency": "usd", "amount_from": "18.50"}, ["many", "refunded"]),
            ({"currency": "usd", "amount_from": "18,51"}, ["many"]),
            ({"currency": "usd", "amount_from": "1", "amount_to": "18.50"}, ["refunded"]),
            ({"currency": "jpy", "amount_from": "16500", "amount_to": "16500"}, ["old"]),
            ({"currency": "usd", "state__exact": "pending", "placed": "today", "amount_to": "185"}, ["many"]),
            ({"currency": "eur", "account": "default"}, []),
            ({"attention": "any", "currency": "eur", "q": "knife"}, ["disputed"]),
        ],
    )
    def test_finds_what_it_says(
        self, admin_client: Client, named: dict[str, Order], chosen: dict[str, str], expected: list[str]
    ) -> None:
        assert found(admin_client, named, **chosen) == expected

    def test_finds_by_item(self, admin_client: Client, named: dict[str, Order], shelf: dict[str, Item]) -> None:
        mug = str(shelf["mug"].pk)
        assert found(admin_client, named, item=mug) == ["many", "refunded"]
        assert found(admin_client, named, item=mug, state__exact="pending") == ["many"]
        assert found(admin_client, named, item="9" * 18) == []

    def test_stays_in_the_address_when_another_is_chosen_or_a_page_is_turned(
        self, admin_client: Client, mug: Item
    ) -> None:
        for _ in range(101):
            ordered(mug, at=NOW)
        chosen = {"currency": "usd", "state__exact": "pending", "placed_from": "2026-11-25", "amount_from": "1"}
        page = admin_client.get(LIST, chosen)
        following = parse_qs(page.context["cl"].paginator.next.removeprefix("?"))
        assert {name: values[0] for name, values in following.items() if name != "p"} == chosen
        html = page.content.decode()
        for name, value in chosen.items():
            assert f'name="{name}"' in html
            assert f'value="{value}"' in html

    @pytest.mark.parametrize(
        ("chosen", "said"),
        [
            ({"amount_from": "5"}, "Choose a currency too: amounts are compared within one."),
            ({"currency": "usd", "amount_from": "abc"}, "An amount is a number such as 18.50."),
            ({"currency": "usd", "amount_to": "-1"}, "An amount is a number such as 18.50."),
            ({"currency": "usd", "amount_to": "NaN"}, "An amount is a number such as 18.50."),
            ({"currency": "usd", "amount_to": "Infinity"}, "An amount is a number such as 18.50."),
            ({"currency": "usd", "amount_to": "1.2.3"}, "An amount is a number such as 18.50."),
            ({"currency": "usd", "amount_from": "٣"}, "An amount is a number such as 18.50."),
            ({"currency": "usd", "amount_from": "9" * 5000}, "the number is too large"),
            ({"currency": "usd", "amount_from": "1e999999"}, "the number is too large"),
            ({"currency": "usd", "amount_from": "1.005"}, "An amount in USD has at most 2 decimals."),
            ({"currency": "jpy", "amount_from": "1.5"}, "An amount in JPY has no decimals."),
            ({"placed_from": "yesterday"}, "A day is written as 2026-11-25."),
            ({"placed_from": "2026-13-45"}, "A day is written as 2026-11-25."),
            ({"placed_to": "9999-12-31"}, "A day is written as 2026-11-25."),
            ({"placed_to": "0001-01-01"}, "A day is written as 2026-11-25."),
            ({"item": "mug"}, "An item is named by its number."),
            ({"item": "9" * 30}, "An item is named by its number."),
            ({"item": "-1"}, "An item is named by its number."),
        ],
    )
    def test_that_makes_no_sense_is_told_and_finds_nothing(
        self, admin_client: Client, named: dict[str, Order], chosen: dict[str, str], said: str
    ) -> None:
        page = admin_client.get(LIST, chosen)
        assert page.status_code == 200
        assert said in page.content.decode()
        assert not page.context["cl"].result_list

    @pytest.mark.parametrize("name", ["state__exact", "attention", "currency", "placed_from", "item", "amount_to", "q"])
    @pytest.mark.parametrize("value", ["\0", "'; DROP TABLE orders_order; --", "x" * 5000, "\U0001f980", "%", "[]"])
    def test_survives_whatever_is_put_into_it(
        self, admin_client: Client, named: dict[str, Order], name: str, value: str
    ) -> None:
        page = admin_client.get(LIST, {name: value, "currency": "usd"} if name != "currency" else {name: value})
        assert page.status_code in {200, 302}
        assert Order.objects.count() == len(named)


class TestTheSearch:
    @pytest.mark.parametrize(
        ("term", "expected"),
        [
            ("cs_1", ["refunded"]),
            ("pi_1", ["refunded"]),
            (" pi_1 ", ["refunded"]),
            ("ch_1", ["refunded"]),
            ("re_1", ["refunded"]),
            ("py_1", ["refunded"]),
            ("du_1", ["disputed"]),
            ("ch_2", ["disputed"]),
            ("prv_1", ["disputed"]),
            ("evt_eur", ["disputed"]),
            ("evt_delivered", ["many"]),
            (str(CALL_ID), ["refunded"]),
            (CALL_ID.hex, ["refunded"]),
            ("txn_1", ["old"]),
            ("enamel", ["many", "refunded"]),
            ("KNIFE", ["disputed"]),
            ("e", ["many", "disputed", "refunded", "old"]),
            ("pi_", []),
            ("cs_1x", []),
            ("nothing", []),
            ("3908264d-d26f-475c-8958-6501b536a317", []),
            ("9" * 5000, []),
        ],
    )
    def test_finds_by_whole_ids_and_by_items(
        self, admin_client: Client, named: dict[str, Order], term: str, expected: list[str], monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("orders.finding.order_finders", [*order_finders, found_by_transaction(named["old"])])
        with provenance.acting("system:test"):
            intend_call(
                account="default", operation="refunds.create", subject=named["refunded"].stream, call_id=CALL_ID
            )
        Delivery.objects.create(
            account="default",
            event_id="evt_delivered",
            type="charge.updated",
            livemode=False,
            payload=b"{}",
            order_id=named["many"].pk,
            received_at=datetime(2026, 11, 25, tzinfo=UTC),
        )
        assert found(admin_client, named, q=term) == expected

    def test_finds_by_number(self, admin_client: Client, named: dict[str, Order], shelf: dict[str, Item]) -> None:
        number = named["disputed"].pk
        for term in (f"{number}", f"#{number}", f"order-{number}", f"Order {number}"):
            assert found(admin_client, named, q=term) == ["disputed"]
        assert found(admin_client, named, q=f"item {shelf['mug'].pk}") == ["many", "refunded"]


def found_by_transaction(order: Order) -> Any:
    """A finder as an app above this one has it."""

    def finder(term: str) -> Sequence[int]:
        return [order.pk] if term == "txn_1" else []

    return finder


class TestItsPages:
    def test_lead_to_every_order_once_and_back_again(self, admin_client: Client, mug: Item) -> None:
        orders = [ordered(mug, at=NOW).pk for _ in range(250)][::-1]
        page = admin_client.get(LIST).context["cl"]
        seen = [[order.pk for order in page.result_list]]
        assert page.paginator.next == f"?p=after~{orders[49]}"
        assert not page.paginator.first
        assert not page.paginator.previous
        while page.paginator.next:
            page = admin_client.get(LIST + page.paginator.next).context["cl"]
            seen.append([order.pk for order in page.result_list])
        assert [len(keys) for keys in seen] == [50, 50, 50, 50, 50]
        assert [key for keys in seen for key in keys] == orders
        assert not page.paginator.last
        back = admin_client.get(LIST + page.paginator.previous).context["cl"]
        assert [order.pk for order in back.result_list] == seen[-2]
        last = admin_client.get(LIST, {"p": "last"}).context["cl"]
        assert [order.pk for order in last.result_list] == orders[-50:]
        first = admin_client.get(LIST + last.paginator.first).context["cl"]
        assert [order.pk for order in first.result_list] == seen[0]

    def test_of_a_period_go_by_the_time_of_placing(self, admin_client: Client, mug: Item) -> None:
        late, early = ordered(mug, at="2026-11-20T00:00:00Z"), ordered(mug, at="2026-11-10T00:00:00Z")
        between = [ordered(mug, at="2026-11-15T00:00:00.123456Z") for _ in range(60)]
        seen, address = [], "?placed_from=2026-11-01"
        while address:
            page = admin_client.get(LIST + address).context["cl"]
            seen += [order.pk for order in page.result_list]
            address = page.paginator.next
        assert seen == [late.pk, *(order.pk for order in between[::-1]), early.pk]

    def test_say_how_many_there_are_as_far_as_that_is_cheap(
        self, admin_client: Client, named: dict[str, Order], monkeypatch: Any
    ) -> None:
        assert "5 found" in admin_client.get(LIST).content.decode()
        assert "3 found" in admin_client.get(LIST, {"currency": "usd"}).content.decode()
        monkeypatch.setattr("core.paging.COUNTED_TO", 3)
        monkeypatch.setattr(OrderList, "list_per_page", 2)
        assert "3+ found" in admin_client.get(LIST).content.decode()

    @pytest.mark.parametrize(
        "place", ["after~x", "after", "before~1~2", "7", "-7", "after~" + "9" * 400, "sideways~1", "last~", "~", "\0"]
    )
    def test_that_are_nowhere_are_no_error(self, admin_client: Client, named: dict[str, Order], place: str) -> None:
        assert admin_client.get(LIST, {"p": place}, follow=True).status_code == 200

    def test_keep_their_order_whatever_the_address_asks_for(
        self, admin_client: Client, named: dict[str, Order]
    ) -> None:
        assert found(admin_client, named, o="4") == found(admin_client, named)


class TestItsCost:
    @pytest.mark.parametrize(
        "chosen",
        [
            {},
            {"p": "last"},
            {"currency": "usd", "amount_from": "1"},
            {"placed": "month"},
            {"q": "enamel"},
            {"q": "pi_1"},
        ],
        ids=urlencode,
    )
    def test_is_the_same_for_a_hundred_orders_as_for_one(
        self, admin_client: Client, mug: Item, chosen: dict[str, str]
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                admin_client.get(LIST, chosen)
            return len(captured)

        ordered(mug, PAYMENT, at=NOW)
        queries()
        few = queries()
        for _ in range(99):
            ordered(mug, PAYMENT, at=NOW)
        assert queries() == few <= 10

    def test_is_no_count_over_the_table(self, admin_client: Client, named: dict[str, Order]) -> None:
        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get(LIST, {"currency": "usd"})
        assert not any("COUNT(" in query["sql"] for query in captured)
        assert page.context["cl"].result_count == 3


def test_a_message_is_said_once(admin_client: Client, named: dict[str, Order]) -> None:
    page = admin_client.get(LIST, {"amount_from": "5"})
    assert len(list(get_messages(page.wsgi_request))) == 1
