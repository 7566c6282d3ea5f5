"""The shopper's e-mail address is heard from Stripe, and stands in one place alone."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from core.models import Event
from orders.models import FORGOTTEN, Contact, Item, Order
from orders.services.contacts import hear_contact
from orders.tests.shopping import buy, deliver_all
from tests.simulated import SimulatedStripe, post_event

pytestmark = pytest.mark.django_db(transaction=True)

TYPED = "Ann.Other@shop.example"


def addresses() -> list[str]:
    return list(Contact.objects.values_list("email", flat=True))


def completed_with(stripe_side: SimulatedStripe, email: Any) -> dict[str, Any]:
    event = stripe_side.event("checkout.session.completed")
    event["data"]["object"]["customer_details"]["email"] = email
    return event


class TestOfASession:
    def test_it_is_what_was_typed_on_stripes_page(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        stripe_side.pay(bought["url"], email=TYPED)
        deliver_all(shopper, stripe_side)
        contact = Contact.objects.get()
        assert (contact.order_id, contact.email) == (bought["order_id"], TYPED)

    def test_it_is_heard_while_a_delayed_payment_settles(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.pay(buy(shopper, mug)["url"], email=TYPED, **{"async": "1"})
        deliver_all(shopper, stripe_side)
        assert addresses() == [TYPED]

    def test_it_is_in_no_event_and_no_line_of_the_log(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        stripe_side.pay(buy(shopper, mug)["url"], email=TYPED)
        with capture_logs() as lines:
            deliver_all(shopper, stripe_side)
        told = json.dumps(list(Event.objects.values_list("data", "actor", "cause")))
        assert lines
        assert "shop.example" not in f"{told}{lines}".lower()

    @pytest.mark.parametrize(
        "email",
        [
            None,
            "",
            "   ",
            "nobody",
            "a@shop.example\nBcc: b@shop.example",
            "a@shop.example\r\n\r\nhello",
            '"a\x01b"@shop.example',
            "a@shop.example, b@shop.example",
            "Ann <a@shop.example>",
            f"{'a' * 250}@shop.example",
        ],
    )
    def test_what_is_no_address_is_passed_over(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe, email: str | None
    ) -> None:
        stripe_side.pay(buy(shopper, mug)["url"])
        assert post_event(shopper, completed_with(stripe_side, email)).status_code == 200
        assert Order.objects.get().state == "paid"
        assert addresses() == []


class TestOfOurOwnPage:
    @pytest.fixture
    def order(self, shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Order:
        shopper.post("/basket/items", {"item": mug.pk, "quantity": 2}, content_type="application/json")
        answer = shopper.post("/basket/checkout", {"pay": "here"}, content_type="application/json")
        return Order.objects.get(pk=answer.json()["order_id"])

    def confirm(self, shopper: Client, order: Order, stripe_side: SimulatedStripe, **form: str) -> None:
        opened = shopper.post(f"/order/{order.pk}/payment-intent", headers={"accept": "application/json"})
        stripe_side.confirm(opened.json()["client_secret"], **form)
        deliver_all(shopper, stripe_side)

    @pytest.mark.parametrize("method", [{}, {"payment_method_data[type]": "bank_debit"}], ids=["card", "debit"])
    def test_it_is_that_of_the_charge(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe, method: dict[str, str]
    ) -> None:
        self.confirm(shopper, order, stripe_side, **{"payment_method_data[billing_details][email]": TYPED}, **method)
        assert addresses() == [TYPED]

    def test_nothing_is_kept_where_none_was_asked_for(
        self, shopper: Client, order: Order, stripe_side: SimulatedStripe
    ) -> None:
        self.confirm(shopper, order, stripe_side)
        assert Order.objects.get().state == "paid"
        assert addresses() == []


def test_the_last_address_counts_and_is_written_by_one_statement(
    django_assert_num_queries: Any,
) -> None:
    hear_contact(order_id=7, email="first@shop.example")
    with django_assert_num_queries(1):
        hear_contact(order_id=7, email=" second@shop.example ")
    assert addresses() == ["second@shop.example"]


def test_who_was_forgotten_is_not_heard_of_again(db: None) -> None:
    Contact.objects.create(order_id=7, email=FORGOTTEN, heard_at=timezone.now())
    hear_contact(order_id=7, email="second@shop.example")
    assert Contact.objects.get().email == FORGOTTEN


def test_another_accounts_word_is_not_heard(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
    stripe_side.pay(buy(shopper, mug)["url"], email=TYPED)
    completed = stripe_side.event("checkout.session.completed")
    assert post_event(shopper, completed, account="euro").status_code == 200
    assert addresses() == []
