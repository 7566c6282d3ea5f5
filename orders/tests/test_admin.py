"""The admin of items and orders: prices as people write them, orders to look at, and their timeline."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries

from billing.models import StripeCall
from core.eventlog import provenance
from core.models import Event
from core.tests.streams import draft_order
from orders import timeline
from orders.events import OrderAttentionRaised, OrderPaymentUpdated
from orders.models import Checkout, Contact, Item, Order, Payment, StateCount
from orders.projections import OrderAggregate
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)


def bought(shopper: Client, item: Item) -> Order:
    return Order.objects.get(pk=shopper.get(f"/buy/{item.pk}").json()["order_id"])


def paid(shopper: Client, item: Item, stripe_side: SimulatedStripe) -> Order:
    order = bought(shopper, item)
    stripe_side.pay(Checkout.objects.get(order=order).url)
    for event in ("payment_intent.succeeded", "checkout.session.completed"):
        assert post_event(shopper, stripe_side.event(event)).status_code == 200
    return Order.objects.get(pk=order.pk)


def page_of(order: Order) -> str:
    return f"/admin/orders/order/{order.pk}/change/"


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return len(captured)


class TestAnItem:
    def save(self, client: Client, **fields: str) -> Any:
        form = {"name": "Kettle", "description": "", "currency": "usd", "price": "18.50", **fields}
        return client.post("/admin/orders/item/add/", form)

    @pytest.mark.parametrize(
        ("currency", "price", "minor"),
        [("usd", "18.50", 1850), ("usd", "18", 1800), ("jpy", "1850", 1850), ("kwd", "1.05", 1050), ("isk", "7", 700)],
    )
    def test_is_priced_as_people_write_it(self, admin_client: Client, currency: str, price: str, minor: int) -> None:
        assert self.save(admin_client, currency=currency, price=price).status_code == 302
        item = Item.objects.get()
        assert (item.price, item.currency) == (minor, currency)
        page = admin_client.get(f"/admin/orders/item/{item.pk}/change/")
        assert page.context["adminform"].form["price"].value() * 10**3 == int(float(price) * 10**3)

    @pytest.mark.parametrize(
        ("currency", "price", "problem"),
        [
            ("usd", "18.505", "An amount in USD has at most 2 decimals."),
            ("jpy", "18.50", "An amount in JPY has no decimals."),
            ("isk", "18.50", "An amount in ISK has no decimals."),
            ("kwd", "1.055", "An amount in KWD has at most 2 decimals."),
            ("usd", "0", "Ensure this value is greater than or equal to 0.01."),
            ("usd", "-5", "Ensure this value is greater than or equal to 0.01."),
            ("usd", "free", "Enter a number."),
            ("usd", "NaN", "Enter a number."),
        ],
    )
    def test_is_refused_at_a_price_that_the_currency_lacks(
        self, admin_client: Client, currency: str, price: str, problem: str
    ) -> None:
        answer = self.save(admin_client, currency=currency, price=price)
        assert answer.context["adminform"].form.errors["price"] == [problem]
        assert not Item.objects.exists()

    def test_is_refused_in_a_currency_that_is_none(self, admin_client: Client) -> None:
        answer = self.save(admin_client, currency="xyz")
        assert "currency" in answer.context["adminform"].form.errors

    def test_that_was_ordered_is_not_deleted(self, admin_client: Client, shopper: Client, mug: Item) -> None:
        bought(shopper, mug)
        page = admin_client.post(f"/admin/orders/item/{mug.pk}/delete/", {"post": "yes"})
        assert "1 x Enamel mug" in page.context["protected"][0]
        assert Item.objects.exists()


class TestTheIndex:
    def test_lists_every_model_of_the_shop(self, admin_client: Client) -> None:
        page = admin_client.get("/admin/").content.decode()
        for label in ("orders", "webhooks", "billing"):
            for model in set(apps.get_app_config(label).get_models()) - {Contact, StateCount}:
                assert f"/admin/{label}/{model._meta.model_name}/" in page


class TestTheListOfOrders:
    def test_shows_the_newest_first_with_total_and_attention(self, admin_client: Client, mug: Item) -> None:
        older, newer = draft_order(mug).root, draft_order(mug).root
        with provenance.acting("system:test"), OrderAggregate.locked(newer.pk) as order:
            order.record(OrderAttentionRaised(reason="surplus"))
        page = admin_client.get("/admin/orders/order/")
        assert list(page.context["cl"].result_list) == [newer, older]
        assert "more money came in than is due" in page.content.decode()

    def test_asks_no_more_for_many_orders_than_for_one(
        self, admin_client: Client, mug: Item, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        draft_order(mug)
        admin_client.get("/admin/orders/order/")
        asked = queries_of(admin_client, "/admin/orders/order/")
        for _ in range(29):
            draft_order(mug)
        with django_assert_num_queries(asked):
            page = admin_client.get("/admin/orders/order/")
        assert len(page.context["cl"].result_list) == 30

    def test_finds_an_order_by_its_ids(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        draft_order(mug)
        order = paid(shopper, mug, stripe_side)
        session, intent = Checkout.objects.get().session_id, Payment.objects.get(source="payment_intent").payment_intent
        for term in (str(order.pk), session, f" {intent} "):
            page = admin_client.get("/admin/orders/order/", {"q": term})
            assert list(page.context["cl"].result_list) == [order]
        for term in ("cs_none", "9" * 5000):
            assert not admin_client.get("/admin/orders/order/", {"q": term}).context["cl"].result_list

    @pytest.mark.parametrize("chosen", [{"state__exact": "paid"}, {"currency": "eur"}, {"account": "euro"}])
    def test_is_filtered(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe, chosen: dict[str, str]
    ) -> None:
        blanket = Item.objects.create(name="Blanket", price=14900, currency="eur")
        by_state = {"paid": paid(shopper, mug, stripe_side), "pending": bought(shopper, blanket)}
        page = admin_client.get("/admin/orders/order/", chosen)
        assert list(page.context["cl"].result_list) == [by_state["paid" if "state__exact" in chosen else "pending"]]


class TestAnOrdersPage:
    def test_shows_money_lines_checkouts_and_payments(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order = paid(shopper, mug, stripe_side)
        page = admin_client.get(page_of(order))
        assert ("Received", "$18.50") in page.context["amounts"]
        text = page.content.decode()
        assert mug.name in text
        assert Checkout.objects.get().session_id in text
        assert Payment.objects.get(source="payment_intent").payment_intent in text

    @pytest.mark.parametrize("part", ["change", "delete"])
    def test_is_not_written_to_by_a_superuser(self, admin_client: Client, mug: Item, part: str) -> None:
        order = draft_order(mug).root
        answer = admin_client.post(f"/admin/orders/order/{order.pk}/{part}/", {"state": "paid", "post": "yes"})
        assert answer.status_code == 403
        assert Order.objects.get().state == "draft"

    def test_shows_the_parts_on_pages_of_their_own(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order = paid(shopper, mug, stripe_side)
        for part in (order.lines.get(), order.checkouts.get(), order.payments.get(source="payment_intent")):
            page = f"/admin/orders/{part._meta.model_name}/{quote(part.pk)}/change/"
            assert page_of(order) in admin_client.get(page).content.decode()
            assert admin_client.post(page, {}).status_code == 403

    def test_links_to_a_payment_whatever_its_id_is_made_of(self, admin_client: Client, mug: Item) -> None:
        """The admin reads `_3B` in an address as a semicolon, and every PaymentIntent's id begins with `pi_3`."""
        order = draft_order(mug).root
        told = OrderPaymentUpdated(
            payment_intent="pi_3Bx",
            source="payment_intent",
            source_id="pi_3Bx",
            charge="",
            status="succeeded",
            amount=1,
            currency="usd",
            account="default",
            livemode=False,
        )
        with provenance.acting("system:test"), OrderAggregate.locked(order.pk) as aggregate:
            aggregate.record(told)
        [address] = re.findall(
            'href="(/admin/orders/payment/[^"]*/change/)"', admin_client.get(page_of(order)).content.decode()
        )
        assert admin_client.get(address).status_code == 200


class TestARefundedAndDisputedOrder:
    @pytest.fixture
    def order(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
        order = paid(shopper, mug, stripe_side)
        charge = stripe_side.objects("charge")[-1]["id"]
        stripe_side.refund(charge, amount=500)
        stripe_side.dispute(charge, amount=1350, reason="product_not_received")
        stripe_side._control("POST", "/_sim/reviews", {"charge": charge})
        for event in ("refund.created", "charge.refunded", "charge.dispute.created", "review.opened"):
            assert post_event(shopper, stripe_side.event(event)).status_code == 200
        return Order.objects.get(pk=order.pk)

    def test_says_at_the_top_how_it_stands(self, admin_client: Client, order: Order) -> None:
        page = admin_client.get(page_of(order))
        assert page.context["standing"].startswith("partially refunded, since some of its money was given back")
        assert (page.context["state_color"], page.context["dispute_color"]) == ("warning", "warning")
        text = page.content.decode()
        assert "dispute open" in text
        assert "Look at this order: the shopper&#x27;s bank wants the money back; evidence is due." in text
        assert "Look at this order: Stripe holds a payment for review." in text

    def test_shows_refunds_disputes_and_reviews(self, admin_client: Client, order: Order) -> None:
        text = admin_client.get(page_of(order)).content.decode()
        dispute = order.disputes.get()
        assert dispute.due_by is not None
        assert f">{dispute.due_by:%Y-%m-%d %H:%M:%S}</time>" in text
        assert "wants $13.50 back (product not received): evidence is due by" in text
        for part in (order.refunds.get(), dispute, order.reviews.get()):
            page = f"/admin/orders/{part._meta.model_name}/{quote(part.pk)}/change/"
            assert page in text
            assert page_of(order) in admin_client.get(page).content.decode()
            assert admin_client.post(page, {}).status_code == 403

    @pytest.mark.parametrize(
        ("part", "shown"), [("refund", "$5.00"), ("dispute", "$13.50"), ("review", "rule"), ("payment", "$18.50")]
    )
    def test_has_its_parts_in_lists(self, admin_client: Client, order: Order, part: str, shown: str) -> None:
        address = f"/admin/orders/{part}/"
        assert shown in admin_client.get(address).content.decode()
        assert not admin_client.get(address, {"q": "0"}).context["cl"].result_list
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(address, {"q": order.pk})
        assert not [query for query in captured if "COUNT(" in query["sql"] and f"orders_{part}" in query["sql"]]

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({"state__exact": "partially_refunded"}, True),
            ({"dispute_state__exact": "open"}, True),
            ({"dispute_state__exact": "lost"}, False),
            ({"attention": "any"}, True),
            ({"attention": "disputed"}, True),
            ({"attention": "surplus"}, False),
        ],
    )
    def test_is_found_by_what_is_wrong_with_it(
        self, admin_client: Client, mug: Item, order: Order, chosen: dict[str, str], found: bool
    ) -> None:
        draft_order(mug)
        page = admin_client.get("/admin/orders/order/", chosen)
        assert list(page.context["cl"].result_list) == ([order] if found else [])


class TestTheTimeline:
    def test_tells_the_way_from_draft_to_paid_with_calls_and_deliveries(
        self, admin_client: Client, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        order = paid(shopper, mug, stripe_side)
        rows = admin_client.get(page_of(order)).context["timeline"]
        assert [row.kind for row in rows] == [
            "order.drafted",
            "order.line_set",
            "order.placed",
            "stripe.call.requested",
            "stripe.call.attempted",
            "stripe.call.succeeded",
            "order.checkout_opened",
            "payment_intent.succeeded",
            "order.payment_updated",
            "order.paid",
            "checkout.session.completed",
            "order.checkout_closed",
            "order.payment_updated",
        ]
        assert [rows[index].sentence for index in (1, 2, 8, 9)] == [
            "1 x Enamel mug at $18.50",
            "The order was placed for $18.50",
            "A payment of $18.50 succeeded, says its PaymentIntent",
            "The order is paid: $18.50 received",
        ]
        assert (rows[0].actor, rows[9].actor) == ("shopper", "Stripe (default)")
        assert rows[9].caused_by.url == rows[7].url
        assert all(admin_client.get(row.url).status_code == 200 for row in rows)

    def test_leads_from_a_call_to_its_page(self, admin_client: Client, shopper: Client, mug: Item) -> None:
        order = bought(shopper, mug)
        page = admin_client.get(page_of(order)).content.decode()
        assert f"/admin/billing/stripecall/{StripeCall.objects.get().pk}/change/" in page

    def test_asks_no_more_for_a_long_one(
        self,
        admin_client: Client,
        shopper: Client,
        mug: Item,
        stripe_side: SimulatedStripe,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        order = paid(shopper, mug, stripe_side)
        admin_client.get(page_of(order))
        asked = queries_of(admin_client, page_of(order))
        completed = stripe_side.event("checkout.session.completed")
        for number in range(10):
            post_event(shopper, completed | {"id": f"evt_again_{number}"})
        with django_assert_num_queries(asked):
            rows = admin_client.get(page_of(order)).context["timeline"]
        assert [row.kind for row in rows].count("order.event_ignored") == 10

    def test_has_a_sentence_for_every_kind_that_an_order_or_a_call_can_have(self) -> None:
        from core.eventlog import facts  # noqa: PLC0415 its registry is full once the apps are loaded

        kinds = {kind for kind in facts._types_by_kind if kind.startswith(("order.", "stripe.call."))}
        assert kinds == {key.partition(" ")[0] for key in timeline.SENTENCES}
        assert kinds <= timeline.SENTENCES.keys()

    def test_stays_readable_when_an_event_was_tampered_with(self, admin_client: Client, mug: Item) -> None:
        order = draft_order(mug).root
        event = Event(stream=order.stream, kind="order.placed", data={"total": "much"})
        assert timeline.sentence_of(event, "usd", "") == "The order was placed for much"
        assert timeline.sentence_of(Event(kind="order.paid", data={}), "usd", "") == "The order is paid: ? received"
        assert timeline.sentence_of(Event(kind="order.sung", data={}), "usd", "") == "order.sung"

    def test_escapes_what_an_item_is_called(self, admin_client: Client) -> None:
        item = Item.objects.create(name="<script>alert(1)</script>", price=1000, currency="usd")
        page = admin_client.get(page_of(draft_order(item).root)).content.decode()
        assert "<script>alert" not in page
