"""How much of PostgreSQL a checkout takes: statements, and how often they are waited for."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import StripeCall, Tax
from core.eventlog import provenance
from core.eventlog.replay import check_rows
from core.tests.wire import Wire, counted_wire
from orders.models import Item, Order
from orders.tests.shopping import buy
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with counted_wire() as wire:
        yield wire


def taken_by_buying(wire: Wire, shopper: Client, item: Item) -> tuple[int, int]:
    """Trips and statements. The first trip is Django's, which asks whether the connection is alive. BEGIN and COMMIT
    travel with others, and are not counted as statements.
    """
    wire.count()
    with CaptureQueriesContext(connection) as captured:
        buy(shopper, item)
    return wire.trips, sum(query["sql"] not in {"BEGIN", "COMMIT"} for query in captured.captured_queries)


class TestBuying:
    def test_finds_a_connection_that_was_lost(
        self, wire: Wire, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        wire.count()
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        buy(shopper, mug)
        assert Order.objects.count() == 1

    def test_reads_places_proves_learns_and_looks(
        self, wire: Wire, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        """A trip each: read, place, see the call committed; lock the order, lock the call, settle both; look."""
        assert taken_by_buying(wire, shopper, mug) == (8, 22)
        assert StripeCall.objects.get().attempts == 1
        assert list(check_rows()) == []

    def test_what_is_taxed_looks_for_the_rate_at_stripe_as_well(
        self, wire: Wire, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        with provenance.acting("system:test"):
            mug.taxes.add(Tax.objects.create(name="VAT", percentage=19, inclusive=True))
        first = Client()
        first.get(f"/item/{mug.pk}")
        buy(first, mug)
        assert taken_by_buying(wire, shopper, mug) == (9, 23)

    def test_again_finds_what_is_open(
        self, wire: Wire, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        buy(shopper, mug)
        assert taken_by_buying(wire, shopper, mug) == (4, 7)
        assert Order.objects.count() == 1

    def test_draws_no_number_for_what_is_open_or_unknown(
        self, shopper: Client, mug: Item, stripe_side: SimulatedStripe
    ) -> None:
        bought = buy(shopper, mug)
        buy(shopper, mug)
        assert shopper.get("/buy/404404404404404404404").status_code == 404
        with connection.cursor() as cursor:
            cursor.execute("SELECT last_value FROM orders_order_id_seq")
            assert cursor.fetchone() == (bought["order_id"],)
