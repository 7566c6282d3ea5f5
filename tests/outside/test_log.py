"""The log and the rows, when somebody who may do anything in the database goes at them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.chain import canonical_bytes, next_digest
from tests.shop import Row, Shop, Shopper, wait_for

CHILD_TABLES = """
    SELECT conrelid::regclass::text AS name, attname AS owner
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE confrelid = 'orders_order'::regclass AND contype = 'f'
"""
DISABLE = "ALTER TABLE core_event DISABLE TRIGGER USER"
ENABLE = "ALTER TABLE core_event ENABLE TRIGGER USER"


@pytest.fixture(scope="module")
def order_id(running_shop: Shop) -> Iterator[int]:
    """A paid order of which no more news comes; before and after all tests both checks find nothing.

    What the worker wrote meanwhile would be lost when the log is put back as it was.
    """
    with Shopper(running_shop) as shopper:
        bought = shopper.buy()
    running_shop.stripe.pay(bought["url"])
    number: int = bought["order_id"]
    wait_for(lambda: "pending" not in {delivery["state"] for delivery in running_shop.told()})
    with running_shop.without_worker():
        assert_whole(running_shop)
        yield number
        assert_whole(running_shop)


@pytest.fixture
def unlocked_log(shop: Shop, order_id: int) -> Iterator[Shop]:
    """The log without its triggers, and put back as it was after the test."""
    shop.sql("CREATE TABLE log_before AS TABLE core_event")
    shop.sql(DISABLE)
    yield shop
    shop.sql("DELETE FROM core_event")
    shop.sql("INSERT INTO core_event TABLE log_before")
    shop.sql(ENABLE)
    shop.sql("DROP TABLE log_before")


def assert_whole(shop: Shop) -> None:
    assert shop.findings("audit", "verify") == (0, [])
    assert shop.findings("replay", "--check") == (0, [])


def log_of(shop: Shop, order_id: int) -> list[Row]:
    return shop.sql("SELECT * FROM core_event WHERE stream = %s ORDER BY version", f"order-{order_id}")


def the_finding(shop: Shop) -> Row:
    """Of `audit verify`, without its explanation for people."""
    code, [finding] = shop.findings("audit", "verify")
    assert code == 1
    assert finding.pop("detail")
    return finding


def forge_event(shop: Shop, behind: Row) -> Row:
    """Somebody who knows how digests are made writes that the order was paid, behind an event of it."""
    event: Row = {
        "stream": behind["stream"],
        "version": behind["version"] + 1,
        "kind": "order.paid",
        "schema": 1,
        "data": {"received": 1850},
        "actor": "stripe:default",
        "correlation_id": "forged",
        "cause": "evt_forged",
        "recorded_at": datetime.now(UTC),
    }
    digest = next_digest(bytes(behind["digest"]), canonical_bytes(**event))
    columns = ", ".join([*event, "digest"])
    values = [*(event | {"data": Jsonb(event["data"])}).values(), digest]
    [forged] = shop.sql(
        f"INSERT INTO core_event ({columns}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING *",  # noqa: S608 ours
        *values,
    )
    return forged


class TestTheTriggers:
    @pytest.mark.parametrize(
        "statement", ["UPDATE core_event SET actor = 'nobody'", "DELETE FROM core_event", "TRUNCATE core_event"]
    )
    def test_refuse_every_change(self, shop: Shop, order_id: int, statement: str) -> None:
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            shop.sql(statement)


class TestAuditVerifyNames:
    def test_an_event_that_was_altered(self, unlocked_log: Shop, order_id: int) -> None:
        [paid] = [event for event in log_of(unlocked_log, order_id) if event["kind"] == "order.paid"]
        unlocked_log.sql(
            """UPDATE core_event SET data = data || '{"received": 1}' WHERE position = %s""", paid["position"]
        )
        assert the_finding(unlocked_log) == {"finding": "altered"} | named(paid)

    @pytest.mark.parametrize("index", [0, 3, -1])
    def test_an_event_that_was_deleted(self, unlocked_log: Shop, order_id: int, index: int) -> None:
        event = log_of(unlocked_log, order_id)[index]
        unlocked_log.sql("DELETE FROM core_event WHERE position = %s", event["position"])
        # What is gone can be named by its place alone.
        assert the_finding(unlocked_log) == {"finding": "removed"} | named(event) | {"position": None, "kind": None}

    def test_an_event_that_was_inserted_at_the_end(self, unlocked_log: Shop, order_id: int) -> None:
        forged = forge_event(unlocked_log, log_of(unlocked_log, order_id)[-1])
        assert the_finding(unlocked_log) == {"finding": "inserted"} | named(forged)

    def test_an_event_that_was_inserted_between_others(self, unlocked_log: Shop, order_id: int) -> None:
        log = log_of(unlocked_log, order_id)
        for event in reversed(log[3:]):
            unlocked_log.sql("UPDATE core_event SET version = version + 1 WHERE position = %s", event["position"])
        forged = forge_event(unlocked_log, log[2])
        assert the_finding(unlocked_log) == {"finding": "inserted"} | named(forged)


def named(event: Row) -> Row:
    return {name: event[name] for name in ("stream", "version", "position", "kind")}


class TestADeletedOrder:
    def test_is_found_missing_and_restored_from_the_log_alone(self, shop: Shop, order_id: int) -> None:
        tables = {"orders_order": "id"} | {table["name"]: table["owner"] for table in shop.sql(CHILD_TABLES)}
        before = {table: rows_of(shop, table, owner, order_id) for table, owner in tables.items()}
        filled = {table for table, rows in before.items() if rows}
        assert filled >= {"orders_order", "orders_orderline", "orders_checkout", "orders_payment"}
        for table, owner in reversed(tables.items()):
            shop.sql(f"DELETE FROM {table} WHERE {owner} = %s", order_id)  # noqa: S608 the catalogue's own names

        code, findings = shop.findings("replay", "--check")
        assert code == 1
        assert {finding["stream"] for finding in findings} == {f"order-{order_id}"}
        assert {finding["table"] for finding in findings} == filled

        assert shop.manage("replay", "--rebuild", **shop.owner_settings).returncode == 0
        assert {table: rows_of(shop, table, owner, order_id) for table, owner in tables.items()} == before


def rows_of(shop: Shop, table: str, owner: str, order_id: int) -> list[Row]:
    return shop.sql(f"SELECT * FROM {table} WHERE {owner} = %s ORDER BY 1", order_id)  # noqa: S608 as above
