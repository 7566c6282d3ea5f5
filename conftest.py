"""Fixtures for all tests: the log may be emptied between them, and no request may break Stripe's contract."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from orders import throttle
from orders.models import Item
from tests import contract
from tests.simulated import SimulatedStripe


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests that commit end with TRUNCATE, which the log refuses by a trigger of its own; only here it is dropped."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER core_event_no_truncate ON core_event")
        cursor.execute("DROP TRIGGER core_checkpoint_no_truncate ON core_checkpoint")


@pytest.fixture(autouse=True)
def contract_kept() -> Iterator[None]:
    """Fails the test in which a request to Stripe, or its answer, was not as Stripe's API description has it."""
    contract.violations.clear()
    yield
    assert contract.violations == []


@pytest.fixture
def stripe_side() -> SimulatedStripe:
    """The stand-in Stripe, empty and without faults."""
    side = SimulatedStripe(settings.STRIPE_API_BASE)
    side.reset()
    return side


@pytest.fixture(autouse=True)
def nobody_was_counted() -> None:
    throttle.forget()


@pytest.fixture
def mug(db: None) -> Item:
    return Item.objects.create(name="Enamel mug", description="Holds 350 ml.", price=1850, currency="usd")


@pytest.fixture
def shopper(client: Client, mug: Item) -> Client:
    """A browser that has seen the mug's page, hence has a shopper's cookie."""
    client.get(f"/item/{mug.pk}")
    return client
