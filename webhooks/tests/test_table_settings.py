"""What the tables of a delivery cost to write: which indexes they have, and what is left free on their pages."""

import pytest
from django.db import connection

from core.eventlog import provenance
from core.eventlog.tail import current_cluster
from core.models import Event
from core.tests.streams import draft_order
from orders.events import OrderEventIgnored
from orders.models import Item, Order
from orders.projections import OrderAggregate

pytestmark = pytest.mark.django_db

WRITTEN = [
    "core_event",
    "billing_stripecall",
    "orders_checkout",
    "orders_contact",
    "orders_order",
    "orders_orderline",
    "orders_payment",
    "webhooks_delivery",
    "webhooks_paymentlink",
]
UPDATED = ["billing_stripecall", "orders_checkout", "orders_order", "webhooks_delivery", "webhooks_paymentlink"]
# More than a page of them.
ORDERS = 60
PAGES = "SELECT DISTINCT (ctid::text::point)[0] FROM orders_order WHERE id = ANY (%s)"
TWO_EVENTS = """
EXPLAIN (VERBOSE) INSERT INTO core_event
    (stream, version, kind, data, actor, correlation_id, cause, recorded_at, digest)
    VALUES ('a-1', 1, 'a', '{}', 'a', '', '', now(), ''), ('a-1', 2, 'a', '{}', 'a', '', '', now(), '')
"""


def ask(query: str, *params: str | list[str] | list[int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return [str(one) for (one,) in cursor.fetchall()]


def settings_of(table: str) -> list[str]:
    return ask("SELECT unnest(reloptions) FROM pg_class WHERE oid = %s::regclass", table)


class TestTheTables:
    @pytest.mark.parametrize("table", UPDATED)
    def test_are_vacuumed_when_a_twentieth_is_dead(self, table: str) -> None:
        assert "autovacuum_vacuum_scale_factor=0.05" in settings_of(table)

    def test_of_the_log_is_frozen_little_by_little(self) -> None:
        assert "autovacuum_vacuum_insert_scale_factor=0.05" in settings_of("core_event")

    def test_have_no_index_for_patterns_that_nobody_looks_for(self) -> None:
        found = ask(
            "SELECT indexname FROM pg_indexes WHERE tablename = ANY (%s) AND indexdef LIKE '%%pattern_ops%%'", WRITTEN
        )
        assert found == []

    def test_of_payloads_compresses_by_lz4_where_the_server_can(self) -> None:
        can = ask("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        found = ask(
            "SELECT attcompression FROM pg_attribute WHERE attrelid = 'webhooks_delivery'::regclass"
            " AND attname = 'payload'"
        )
        assert found == (["l"] if can == ["True"] else [""])


class TestAnOrder:
    def test_that_changes_in_nothing_listed_is_written_beside_itself(self, mug: Item) -> None:
        first, *_, last = (draft_order(mug).root.pk for _ in range(ORDERS))
        assert len(ask(PAGES, [first, last])) == 2
        with provenance.acting("stripe:default", cause="evt_1"):
            order = OrderAggregate.load_locked(first)
            order.record(OrderEventIgnored(event_id="evt_1", type="charge.succeeded", reason="changed_nothing"))
            order.save()
        assert Order.objects.get(pk=first).stream_version == order.root.stream_version
        assert ask("SELECT pg_stat_get_xact_tuples_hot_updated('orders_order'::regclass)") == ["1"]


class TestAnEvent:
    def test_says_which_cluster_wrote_it_without_asking_for_each_row(self, mug: Item) -> None:
        draft_order(mug)
        assert set(Event.objects.values_list("cluster", flat=True)) == {current_cluster()}
        plan = ask(TWO_EVENTS)
        assert not [line for line in plan if "core_cluster" in line or "pg_control_system" in line]
