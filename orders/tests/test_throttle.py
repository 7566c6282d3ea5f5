"""What is kept in the log for good is not asked for faster than a person can."""

from typing import Any

import pytest
from django.test import Client

from orders import throttle
from orders.models import Item, Order

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
