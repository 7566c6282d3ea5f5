import pytest
from django.test import Client

from finance.tests.bookkeeping import Till
from orders.models import Item
from tests.simulated import SimulatedStripe


@pytest.fixture
def till(shopper: Client, mug: Item, stripe_side: SimulatedStripe) -> Till:
    return Till(shopper, mug, stripe_side)
