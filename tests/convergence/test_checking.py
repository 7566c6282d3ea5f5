"""What is checked after each sequence finds what the commands find that check everything."""

import pytest
from django.test import Client

from orders.models import Item, Order
from orders.projections import OrderAggregate
from orders.tests.shopping import buy, deliver_all
from tests.convergence.checking import problems, problems_of
from tests.convergence.database import execute
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

TAMPERING = {
    "a row's figure": "UPDATE orders_payment SET amount = amount + 1",
    "a row that is gone": "DELETE FROM orders_payment WHERE source = 'charge'",
    "a row from nowhere": "INSERT INTO orders_review SELECT id || '-x', 'prv_x', true, '', now(), id FROM orders_order",
    "a call's row": "UPDATE billing_stripecall SET attempts = attempts + 1",
    "a fact": "UPDATE core_event SET data = data || '{\"received\": 1}' WHERE kind = 'order.paid'",
    "a fact in the middle that is gone": "DELETE FROM core_event WHERE stream LIKE 'order-%' AND version = 3",
    "the end of a stream": "DELETE FROM core_event WHERE stream LIKE 'order-%' AND version > 5",
    "a whole stream": "DELETE FROM core_event WHERE stream LIKE 'order-%'",
    "a delivery": "UPDATE webhooks_delivery SET state = 'failed' WHERE type = 'charge.succeeded'",
    "an open call": "UPDATE billing_stripecall SET state = 'unknown'",
}


@pytest.fixture
def paid(client: Client, mug: Item, stripe_side: SimulatedStripe) -> None:
    client.get(f"/item/{mug.pk}")
    stripe_side.pay(buy(client, mug)["url"])
    deliver_all(client, stripe_side)


def found() -> list[str]:
    return list(problems_of(OrderAggregate(Order.objects.get(), stored=True)))


def test_nothing_is_found_where_nothing_is_wrong(paid: None) -> None:
    assert found() == list(problems()) == []


@pytest.mark.parametrize("tampering", TAMPERING.values(), ids=TAMPERING.keys())
def test_what_was_tampered_with_is_found(paid: None, tampering: str) -> None:
    execute(f"BEGIN; SET LOCAL session_replication_role = replica; {tampering}; COMMIT")
    assert list(problems()) != []
    assert found() != []
