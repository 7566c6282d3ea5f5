"""The basket: filled, priced as it will be paid, and placed."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from freezegun import freeze_time

from billing.mirroring import sync_mirror
from billing.models import Discount, StripeCall, Tax
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from core.models import Event
from orders.models import Checkout, Item, Order
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)

HTML = {"accept": "text/html"}


@pytest.fixture
def tote(mug: Item) -> Item:
    return Item.objects.create(name="Waxed canvas tote", price=6400, currency="usd")


@pytest.fixture
def blanket(mug: Item) -> Item:
    return Item.objects.create(name="Wool blanket", price=14900, currency="eur")


@pytest.fixture
def spring(mug: Item) -> Discount:
    with provenance.acting("staff:1"):
        return Discount.objects.create(name="Spring sale", code="SPRING15", percent_off="15")


@pytest.fixture
def taxed(mug: Item, tote: Item) -> Item:
    """The mug, with two taxes on it, one in its price."""
    with provenance.acting("staff:1"):
        mug.taxes.set(
            [
                Tax.objects.create(name="VAT", percentage="20", inclusive=True, country="DE"),
                Tax.objects.create(name="Eco levy", percentage="2.5", inclusive=False),
            ]
        )
    return mug


def put(client: Client, item: Item, quantity: object) -> Any:
    return client.post("/basket/items", {"item": item.pk, "quantity": quantity}, content_type="application/json")


def discount(client: Client, code: str) -> Any:
    return client.post("/basket/discount", {"code": code}, content_type="application/json")


def checkout(client: Client, **fields: str) -> Any:
    return client.post("/basket/checkout", fields, content_type="application/json")


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestItems:
    def test_are_put_in_changed_and_taken_out(self, shopper: Client, mug: Item, tote: Item) -> None:
        assert put(shopper, mug, 2).json()["subtotal"] == 3700
        assert put(shopper, tote, 1).json()["subtotal"] == 10100
        assert put(shopper, mug, 1).json()["subtotal"] == 8250
        emptied = put(shopper, tote, 0).json()
        assert [(line["item"], line["quantity"]) for line in emptied["lines"]] == [(mug.pk, 1)]
        assert (emptied["state"], emptied["total"]) == ("draft", 1850)
        assert shopper.get("/basket").json() == emptied
        assert Order.objects.count() == 1
        assert list(check_rows()) == []

    def test_set_again_as_they_are_are_no_news(self, shopper: Client, mug: Item) -> None:
        put(shopper, mug, 2)
        before = Event.objects.count()
        put(shopper, mug, 2)
        assert Event.objects.count() == before

    def test_of_an_empty_basket_are_none(self, shopper: Client, mug: Item) -> None:
        empty = shopper.get("/basket").json()
        assert (empty["id"], empty["state"], empty["currency"], empty["total"], empty["lines"]) == (
            None,
            "draft",
            None,
            0,
            [],
        )
        assert put(shopper, mug, 0).json() == empty
        assert not Event.objects.exists()

    def test_are_nobody_elses(self, shopper: Client, mug: Item) -> None:
        put(shopper, mug, 2)
        assert Client().get("/basket").json()["lines"] == []

    @pytest.mark.parametrize("quantity", [1000, 10**30, -1, 1.5, True, None, "two", "1e3", [1]])
    def test_in_senseless_numbers_are_refused(self, shopper: Client, mug: Item, quantity: object) -> None:
        assert put(shopper, mug, quantity).status_code in {400, 422}
        assert not Order.objects.exists()

    def test_that_are_unknown_are_refused(self, shopper: Client) -> None:
        answer = shopper.post("/basket/items", {"item": 10**17, "quantity": 1}, content_type="application/json")
        assert error(answer) == (404, "not_found")

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"item"', b"\xff", b"[" * 100_000])
    def test_are_refused_in_a_body_that_is_no_object(self, shopper: Client, body: bytes) -> None:
        assert shopper.post("/basket/items", body, content_type="application/json").status_code == 400

    def test_of_two_currencies_are_refused_with_what_to_do(self, shopper: Client, mug: Item, blanket: Item) -> None:
        put(shopper, mug, 1)
        answer = put(shopper, blanket, 1)
        assert error(answer) == (422, "mixed_currencies")
        assert "Wool blanket is priced in EUR and your basket in USD" in answer.json()["error"]["message"]
        assert shopper.get("/basket").json()["total"] == 1850

    def test_of_another_currency_go_into_a_basket_that_was_emptied(
        self, shopper: Client, mug: Item, blanket: Item
    ) -> None:
        put(shopper, mug, 1)
        put(shopper, mug, 0)
        assert put(shopper, blanket, 2).json()["currency"] == "eur"
        assert sorted(Order.objects.values_list("state", "account")) == [("canceled", "default"), ("draft", "euro")]

    def test_put_in_by_two_tabs_at_once_are_in_one_basket(self, shopper: Client, mug: Item, tote: Item) -> None:
        tabs = [Client() for _ in range(4)]
        for tab in tabs:
            tab.cookies = shopper.cookies

        def press(number: int) -> int:
            try:
                return int(put(tabs[number], (mug, tote)[number % 2], 1).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(press, range(4))) == [200] * 4
        assert Order.objects.count() == 1
        assert shopper.get("/basket").json()["total"] == 8250


class TestADiscountCode:
    def test_is_found_in_any_case_and_taken_off_again(self, shopper: Client, mug: Item, spring: Discount) -> None:
        put(shopper, mug, 2)
        assert discount(shopper, " spring15 ").json()["discount"] == 555
        assert discount(shopper, "").json()["discount"] == 0

    def test_that_nobody_gave_out_is_refused(self, shopper: Client, mug: Item) -> None:
        put(shopper, mug, 1)
        assert error(discount(shopper, "FREE")) == (422, "discount_unknown")

    def test_needs_something_to_take_it_off(self, shopper: Client, spring: Discount) -> None:
        assert error(discount(shopper, "SPRING15")) == (409, "basket_empty")

    def test_of_an_amount_in_another_currency_is_refused(self, shopper: Client, mug: Item) -> None:
        with provenance.acting("staff:1"):
            Discount.objects.create(name="Ten euros", code="TEN", amount_off=1000, currency="eur")
        put(shopper, mug, 1)
        answer = discount(shopper, "TEN")
        assert error(answer) == (422, "discount_not_applicable")
        assert "€10.00" in answer.json()["error"]["message"]

    def test_is_refused_on_the_basket_page_without_losing_it(self, shopper: Client, mug: Item) -> None:
        put(shopper, mug, 2)
        answer = shopper.post("/basket/discount", {"code": "FREE"}, headers=HTML)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "We know no discount with this code" in page
        assert "Enamel mug" in page


class TestThePage:
    def test_shows_each_part_of_the_price(self, shopper: Client, taxed: Item, tote: Item, spring: Discount) -> None:
        put(shopper, taxed, 2)
        put(shopper, tote, 1)
        discount(shopper, "SPRING15")
        page = shopper.get("/basket", headers=HTML).content.decode()
        for text in ("Spring sale, 15% off", "-$15.15", "VAT 20%, included", "Eco levy 2.5%", "$101.00"):
            assert text in page

    def test_is_written_in_the_shoppers_way(self, shopper: Client, mug: Item) -> None:
        put(shopper, mug, 2)
        answer = shopper.get("/basket", headers=HTML | {"accept-language": "de-AT;q=0.7, de;q=0.9, *;q=0.1"})
        assert "37,00\xa0$" in answer.content.decode()
        assert "Accept-Language" in answer["Vary"]

    def test_forms_come_back_to_it(self, shopper: Client, mug: Item) -> None:
        answer = shopper.post("/basket/items", {"item": mug.pk, "quantity": "3"}, headers=HTML)
        assert (answer.status_code, answer["Location"]) == (303, "/basket")
        assert shopper.get("/basket").json()["lines"][0]["quantity"] == 3

    @pytest.mark.parametrize("quantity", ["1000", "-1", "1.5", "<two>", ""])
    def test_ties_a_refused_quantity_to_its_field(self, shopper: Client, mug: Item, tote: Item, quantity: str) -> None:
        put(shopper, mug, 2)
        put(shopper, tote, 1)
        answer = shopper.post("/basket/items", {"item": mug.pk, "quantity": quantity}, headers=HTML)
        assert answer.status_code == 422
        [field] = refused_fields(answer)
        assert f'id="quantity-{mug.pk}"' in field
        assert f'value="{escape(quantity)}"' in field
        assert "must be a whole number from 0 to 999" in words_of("refused", answer)
        assert 'value="1"' in answer.content.decode()

    def test_ties_a_refused_code_to_its_field(self, shopper: Client, mug: Item) -> None:
        put(shopper, mug, 2)
        answer = shopper.post("/basket/discount", {"code": 'SPR"NG'}, headers=HTML)
        [field] = refused_fields(answer)
        assert 'id="code"' in field
        assert 'value="SPR&quot;NG"' in field
        assert "We know no discount with this code" in words_of("refused", answer)

    def test_says_at_its_head_what_no_field_of_it_is_at_fault_for(
        self, shopper: Client, mug: Item, blanket: Item
    ) -> None:
        put(shopper, mug, 2)
        answer = shopper.post("/basket/items", {"item": blanket.pk, "quantity": "1"}, headers=HTML)
        gone = shopper.post("/basket/items", {"item": blanket.pk, "quantity": "1000"}, headers=HTML)
        for page, said in ((answer, "they can&#x27;t be paid together"), (gone, "from 0 to 999")):
            assert page.status_code == 422
            assert refused_fields(page) == []
            [notice] = re.findall(
                r'<p class="notice warning" role="alert" tabindex="-1" autofocus>(.*?)</p>', page.text
            )
            assert said in notice


def refused_fields(answer: Any) -> list[str]:
    """The inputs that are marked as wrong, described by what is wrong, and focused."""
    inputs: list[str] = re.findall(r"<input [^>]*>", answer.content.decode())
    marks = ('aria-invalid="true"', 'aria-describedby="refused"', "autofocus")
    return [one for one in inputs if all(mark in one for mark in marks)]


def words_of(name: str, answer: Any) -> str:
    [words] = re.findall(rf'id="{name}">([^<]*)<', answer.content.decode())
    return str(words)


class TestTheCheckout:
    def test_charges_what_the_basket_said(
        self, shopper: Client, taxed: Item, tote: Item, spring: Discount, stripe_side: SimulatedStripe
    ) -> None:
        put(shopper, taxed, 2)
        put(shopper, tote, 1)
        said = discount(shopper, "SPRING15").json()
        opened = checkout(shopper).json()
        [session] = stripe_side.objects("checkout.session")
        assert session["id"] == opened["session_id"]
        assert (session["amount_subtotal"], session["amount_total"]) == (said["subtotal"], said["total"])
        assert (session["total_details"]["amount_discount"], session["total_details"]["amount_tax"]) == (
            said["discount"],
            said["tax"],
        )
        stripe_side.pay(opened["url"])
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        paid = shopper.get(f"/order/{opened['order_id']}", headers={"accept": "application/json"}).json()
        assert paid == said | {"state": "paid", "received": said["total"]}
        assert list(check_rows()) == []

    def test_pressed_again_is_the_same(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        put(shopper, mug, 2)
        assert checkout(shopper).json() == checkout(shopper).json()
        assert len(stripe_side.objects("checkout.session")) == 1
        assert shopper.get("/basket").json()["lines"] == []

    def test_of_an_empty_basket_is_refused(self, shopper: Client) -> None:
        assert error(checkout(shopper)) == (409, "basket_empty")

    def test_of_less_than_can_be_charged_is_refused_and_on_record(self, shopper: Client) -> None:
        put(shopper, Item.objects.create(name="Pin", price=49, currency="usd"), 1)
        for fields in ({}, {"pay": "here"}):
            assert error(checkout(shopper, **fields)) == (409, "not_payable")
        [refused] = Event.objects.filter(kind="order.command_refused")
        assert (refused.data["command"], refused.data["reason"]) == ("checkout", "below_minimum")

    def test_is_refused_when_the_basket_no_longer_shows_the_price(
        self, shopper: Client, mug: Item, spring: Discount, stripe_side: SimulatedStripe
    ) -> None:
        put(shopper, mug, 2)
        discount(shopper, "SPRING15")
        Item.objects.filter(pk=mug.pk).update(price=2000)
        assert error(checkout(shopper)) == (409, "basket_changed")
        assert shopper.get("/basket").json()["total"] == 3400
        with provenance.acting("staff:1"):
            spring.delete()
        assert error(checkout(shopper)) == (409, "basket_changed")
        assert shopper.get("/basket").json()["total"] == 4000
        assert checkout(shopper).status_code == 200
        assert stripe_side.objects("checkout.session")[0]["amount_total"] == 4000

    def test_takes_out_what_is_priced_in_another_currency_now(
        self, shopper: Client, mug: Item, tote: Item, stripe_side: SimulatedStripe
    ) -> None:
        put(shopper, mug, 1)
        put(shopper, tote, 1)
        Item.objects.filter(pk=tote.pk).update(currency="eur")
        assert error(checkout(shopper)) == (409, "basket_changed")
        assert shopper.get("/basket").json()["total"] == 1850

    def test_takes_off_a_discount_that_is_in_another_currency_now(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        with provenance.acting("staff:1"):
            ten = Discount.objects.create(name="Ten off", code="TEN", amount_off=1000, currency="usd")
        put(shopper, mug, 1)
        assert discount(shopper, "TEN").json()["total"] == 850
        with provenance.acting("staff:1"):
            ten.currency = "eur"
            ten.save()
        assert error(checkout(shopper)) == (409, "basket_changed")
        assert shopper.get("/basket").json()["total"] == 1850
        assert checkout(shopper).status_code == 200

    def test_loses_nothing_while_stripe_is_away(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
        put(shopper, mug, 2)
        stripe_side.order_fault("drop")
        assert error(checkout(shopper)) == (503, "stripe_unreachable")
        assert checkout(shopper).status_code == 200
        assert len(stripe_side.objects("checkout.session")) == 1

    def test_needs_the_coupon_at_stripe_or_refuses(
        self, shopper: Client, mug: Item, spring: Discount, stripe_side: SimulatedStripe
    ) -> None:
        put(shopper, mug, 2)
        discount(shopper, "SPRING15")
        stripe_side.order_fault("http_500", "POST /v1/coupons")
        assert error(checkout(shopper)) == (503, "stripe_unreachable")
        assert not StripeCall.objects.filter(operation="checkout.sessions.create").exists()
        assert shopper.get("/basket").json()["discount"] == 555

    def test_of_an_order_placed_earlier_keeps_its_terms(
        self, shopper: Client, taxed: Item, spring: Discount, stripe_side: SimulatedStripe
    ) -> None:
        put(shopper, taxed, 2)
        said = discount(shopper, "SPRING15").json()
        order_id = checkout(shopper).json()["order_id"]
        with provenance.acting("staff:1"):
            spring.percent_off = Decimal(50)
            spring.save()
            sync_mirror(f"discount-{spring.pk}")
            tax = Tax.objects.get(inclusive=True)
            tax.percentage = Decimal(10)
            tax.save()
            sync_mirror(f"tax-{tax.pk}")
        stripe_side.advance(25 * 3600)
        deliver = post_event(shopper, stripe_side.event("checkout.session.expired"))
        assert deliver.status_code == 200
        assert shopper.post(f"/order/{order_id}/checkout").status_code == 200
        expired, again = stripe_side.objects("checkout.session")
        assert (expired["status"], again["status"]) == ("expired", "open")
        assert again["amount_total"] == said["total"]
        assert again["total_details"]["amount_tax"] == said["tax"]

    def test_of_nothing_to_pay_is_confirmed_at_stripe_without_a_payment(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        with provenance.acting("staff:1"):
            Discount.objects.create(name="On the house", code="FREE", percent_off="100")
        put(shopper, mug, 1)
        discount(shopper, "FREE")
        opened = checkout(shopper).json()
        stripe_side.pay(opened["url"])
        post_event(shopper, stripe_side.event("checkout.session.completed"))
        order = Order.objects.get()
        assert (order.state, order.total, order.received, order.attention) == ("paid", 0, 0, [])
        assert not stripe_side.objects("payment_intent")


class TestAmountsOfStripe:
    """Compared with the quote before the shopper is sent there."""

    @pytest.fixture
    def filled(
        self, shopper: Client, taxed: Item, tote: Item, spring: Discount, stripe_side: SimulatedStripe
    ) -> Client:
        put(shopper, taxed, 2)
        put(shopper, tote, 1)
        discount(shopper, "SPRING15")
        return shopper

    @pytest.mark.parametrize("part", ["discount", "tax"])
    @pytest.mark.parametrize("offset", [1, -1])
    def test_apart_by_rounding_become_the_orders(
        self, filled: Client, stripe_side: SimulatedStripe, part: str, offset: int
    ) -> None:
        said = filled.get("/basket").json()
        stripe_side.shift_totals(part, offset)
        opened = checkout(filled).json()
        [session] = stripe_side.objects("checkout.session")
        order = filled.get(f"/order/{opened['order_id']}", headers={"accept": "application/json"}).json()
        assert order["total"] == session["amount_total"]
        assert order[part] == said[part] + offset
        assert sum(line[part] for line in order["lines"]) == order[part]
        adopted = Event.objects.get(kind="order.quote_adopted").data
        assert (adopted["quoted_total"], adopted["total"]) == (said["total"], session["amount_total"])
        stripe_side.pay(opened["url"])
        post_event(filled, stripe_side.event("checkout.session.completed"))
        paid = Order.objects.get()
        assert (paid.state, paid.received, paid.attention) == ("paid", session["amount_total"], [])
        assert list(check_rows()) == []

    @pytest.mark.parametrize(("part", "offset"), [("discount", 2), ("tax", -3), ("subtotal", 1), ("tax", 500)])
    def test_further_apart_send_nobody_there(
        self, filled: Client, stripe_side: SimulatedStripe, part: str, offset: int
    ) -> None:
        stripe_side.shift_totals(part, offset)
        assert error(checkout(filled)) == (409, "not_payable")
        order = Order.objects.get()
        assert (order.state, order.attention) == ("pending", ["quote_mismatched"])
        assert [session["status"] for session in stripe_side.objects("checkout.session")] == ["expired"]
        assert not Checkout.objects.filter(state="open").exists()
        again = filled.post(f"/order/{order.pk}/checkout", headers={"accept": "application/json"})
        assert again.status_code == 200

    def test_are_compared_later_when_stripe_was_away_in_between(
        self, filled: Client, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.shift_totals("tax", 1)
        stripe_side.order_fault("drop", "GET /v1/checkout/sessions/*/line_items")
        assert error(checkout(filled)) == (503, "stripe_unreachable")
        assert checkout(filled).status_code == 200
        assert len(stripe_side.objects("checkout.session")) == 1
        assert Event.objects.filter(kind="order.quote_adopted").count() == 1

    def test_that_are_compared_when_the_session_is_over_send_nobody_there(
        self, filled: Client, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.shift_totals("tax", 1)
        stripe_side.order_fault("drop", "GET /v1/checkout/sessions/*/line_items")
        assert error(checkout(filled)) == (503, "stripe_unreachable")
        stripe_side.advance(25 * 3600)
        with freeze_time(timezone.now() + timedelta(hours=25), tick=True):
            late = checkout(filled)
            assert error(late) == (409, "not_payable")
            assert "has just expired; try again" in late.json()["error"]["message"]
            assert checkout(filled).json()["url"]
