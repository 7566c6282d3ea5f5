"""Stripe as the doctor should find it, and as no stand-in shows it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing.gateway.client import stripe_client
from billing.tests.mirrors import empty_queue
from core.eventlog import provenance
from tests.simulated import SimulatedStripe
from webhooks.tests.altered import Alteration, alterations
from webhooks.tests.examining import SHOP, open_endpoint, settle_in

type Alter = Callable[[str, Alteration], None]


@pytest.fixture
def well(transactional_db: None, settings: Any, stripe_side: SimulatedStripe) -> Iterator[None]:
    """Both accounts as they should be at Stripe, which has nothing to mirror yet."""
    settings.PUBLIC_URL = SHOP
    for account, currency in (("default", "usd"), ("euro", "eur")):
        settle_in(stripe_side, account, currency)
        open_endpoint(stripe_side, account)
    empty_queue()
    with provenance.acting("staff:7"):
        yield


@pytest.fixture
def altered(settings: Any) -> Iterator[Alter]:
    """Stripe, answering something else at a path."""
    settings.STRIPE_HTTP_CLIENT = "webhooks.tests.altered.AlteredStripe"
    stripe_client.cache_clear()
    yield alterations.__setitem__
    alterations.clear()
    stripe_client.cache_clear()
