"""The log: appended to, chained, never changed."""

import gc
import json
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO
from typing import Any, ClassVar

import pytest
from django.core.management import call_command, execute_from_command_line
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.chain import GENESIS, Head, canonical_bytes
from core.eventlog import facts, provenance
from core.eventlog.append import StreamConflictError, event_bytes, read_stream
from core.eventlog.facts import FloatInFactError, UnknownFactError, decode, decode_json, encode, fact, upcaster
from core.models import Event
from core.tests.streams import append, draft_order
from orders.events import OrderCanceled, OrderPaid
from orders.models import Item, Order, OrderLine


@pytest.fixture(autouse=True)
def somebody_acts() -> Iterator[None]:
    with provenance.acting("system:test", correlation_id="test"):
        yield


class TestFacts:
    def test_come_back_as_they_went_in(self) -> None:
        paid = OrderPaid(received=1850)
        kind, schema, data = encode(paid)
        assert decode(kind, schema, data) == decode_json(kind, schema, json.dumps(data)) == paid

    def test_without_a_registered_kind_are_refused(self) -> None:
        with pytest.raises(UnknownFactError):
            encode(object())

    def test_of_newer_code_are_not_guessed(self) -> None:
        with pytest.raises(UnknownFactError, match=r"order\.paid of schema 2"):
            decode("order.paid", 2, {"received": 1})
        with pytest.raises(UnknownFactError, match=r"order\.paid of schema 2"):
            decode_json("order.paid", 2, '{"received": 1}')

    def test_hold_no_floats(self) -> None:
        with pytest.raises(FloatInFactError):
            encode(OrderPaid(received=18.5))  # type: ignore[arg-type]

    def test_of_an_old_schema_are_brought_up_to_date(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for registry in ("_types_by_kind", "_types_by_class", "_upcasters"):
            monkeypatch.setattr(facts, registry, dict(getattr(facts, registry)))

        @fact("test.weighed", schema=2)
        @dataclass(frozen=True, kw_only=True)
        class Weighed:
            grams: int

        @upcaster("test.weighed", schema=1)
        def to_grams(data: dict[str, Any]) -> dict[str, Any]:
            return {"grams": data["kilograms"] * 1000}

        assert decode("test.weighed", 1, {"kilograms": 2}) == Weighed(grams=2000)
        assert decode_json("test.weighed", 1, '{"kilograms": 2}') == Weighed(grams=2000)
        assert encode(Weighed(grams=1)) == ("test.weighed", 2, {"grams": 1})


class TestCanonicalBytes:
    """Written down once: whoever verifies the log in another language needs exactly this."""

    event: ClassVar[dict[str, Any]] = {
        "stream": "order-1",
        "version": 1,
        "kind": "order.paid",
        "schema": 1,
        "data": {"received": 1850, "name": "Café"},
        "actor": "stripe:default",
        "correlation_id": "c",
        "cause": "evt_1",
        "recorded_at": datetime(2026, 11, 23, 5, 15, tzinfo=UTC),
    }

    def test_are_sorted_json_in_utf8_with_microseconds_in_utc(self) -> None:
        assert canonical_bytes(**self.event).decode() == (
            '{"actor":"stripe:default","cause":"evt_1","correlation_id":"c","data":{"name":"Café","received":1850},'
            '"kind":"order.paid","recorded_at":"2026-11-23T05:15:00.000000+00:00","schema":1,"stream":"order-1",'
            '"version":1}'
        )

    @given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none()))
    def test_do_not_depend_on_the_order_of_keys(self, data: dict[str, Any]) -> None:
        backwards = dict(reversed(data.items()))
        assert canonical_bytes(**self.event | {"data": data}) == canonical_bytes(**self.event | {"data": backwards})


@pytest.mark.django_db
class TestAnAggregate:
    def test_is_given_back_when_nobody_holds_it_any_more(self, mug: Item) -> None:
        order = draft_order(mug)
        held = weakref.ref(order)
        del order
        gc.collect()
        assert held() is None


@pytest.mark.django_db
class TestAppending:
    def test_chains_each_event_to_the_one_before(self) -> None:
        end = append("order-1", Head(), [OrderPaid(received=1), OrderCanceled(reason="x")], timezone.now())
        first, second = Event.objects.order_by("version")
        assert bytes(first.digest) == sha256(GENESIS + event_bytes(first)).digest()
        assert bytes(second.digest) == sha256(bytes(first.digest) + event_bytes(second)).digest()
        assert end == Head(2, bytes(second.digest))

    def test_reads_back_the_same_facts(self) -> None:
        append("order-1", Head(), [OrderPaid(received=1)], timezone.now())
        [recorded] = read_stream("order-1")
        assert recorded.fact == OrderPaid(received=1)
        assert recorded.event.actor == "system:test"

    def test_behind_a_version_that_is_taken_is_a_conflict(self) -> None:
        append("order-1", Head(), [OrderPaid(received=1)], timezone.now())
        with pytest.raises(StreamConflictError, match="order-1 is no longer at version 0"), transaction.atomic():
            append("order-1", Head(), [OrderPaid(received=2)], timezone.now())

    @pytest.mark.parametrize("statement", ["UPDATE core_event SET actor = 'x'", "DELETE FROM core_event"])
    def test_is_all_that_the_database_allows(self, statement: str) -> None:
        append("order-1", Head(), [OrderPaid(received=1)], timezone.now())
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    def test_needs_somebody_who_acts(self) -> None:
        token = provenance._current.set(None)  # type: ignore[arg-type]
        try:
            with pytest.raises(AttributeError):
                append("order-1", Head(), [OrderPaid(received=1)], timezone.now())
        finally:
            provenance._current.reset(token)


def run(*command: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and findings of a management command."""
    out = StringIO()
    try:
        call_command(*command, stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(str(end.code))
    else:
        code = 0
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def orders(mug: Item) -> list[Order]:
    return [draft_order(mug, canceled=True).root for _ in range(3)]


def behind_the_back(statement: str, *parameters: str | int) -> None:
    """As somebody with the owner's rights would: the trigger is off meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_event DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        cursor.execute("ALTER TABLE core_event ENABLE TRIGGER USER")


COPY = """
    INSERT INTO core_event (stream, version, kind, data, actor, correlation_id, cause, recorded_at, digest)
    SELECT stream, %s, kind, data, actor, correlation_id, cause, recorded_at, digest
    FROM core_event WHERE stream = %s AND version = %s
"""


@pytest.mark.django_db(transaction=True)
class TestVerifying:
    def test_finds_nothing_in_a_log_as_it_was_written(self, orders: list[Order]) -> None:
        assert run("audit", "verify") == (0, [])

    @pytest.mark.parametrize(
        "change",
        [
            "data = jsonb_set(data, '{quantity}', '7')",
            "kind = 'order.paid'",
            "actor = 'staff:1'",
            "correlation_id = 'x'",
            "cause = 'evt_1'",
            "recorded_at = recorded_at + interval '1 microsecond'",
            "digest = sha256('x')",
        ],
    )
    def test_names_the_event_that_was_altered(self, orders: list[Order], change: str) -> None:
        stream = orders[1].stream
        behind_the_back(f"UPDATE core_event SET {change} WHERE stream = %s AND version = 2", stream)  # noqa: S608 a constant
        code, [finding] = run("audit", "verify")
        assert code == 1
        assert (finding["finding"], finding["stream"], finding["version"]) == ("altered", stream, 2)
        assert finding["position"] == Event.objects.get(stream=stream, version=2).position

    @pytest.mark.parametrize("version", [1, 2, 3])
    def test_names_the_event_that_was_removed(self, orders: list[Order], version: int) -> None:
        behind_the_back("DELETE FROM core_event WHERE stream = %s AND version = %s", orders[1].stream, version)
        code, [finding] = run("audit", "verify")
        assert code == 1
        assert (finding["finding"], finding["stream"]) == ("removed", orders[1].stream)
        assert finding["version"] == version

    def test_names_a_stream_that_was_removed(self, orders: list[Order]) -> None:
        behind_the_back("DELETE FROM core_event WHERE stream = %s", orders[1].stream)
        code, [finding] = run("audit", "verify")
        assert (code, finding["finding"], finding["stream"]) == (1, "removed", orders[1].stream)

    def test_names_an_event_that_was_inserted_at_the_end(self, orders: list[Order]) -> None:
        behind_the_back(COPY, 4, orders[1].stream, 3)
        code, [finding] = run("audit", "verify")
        assert (code, finding["finding"], finding["stream"], finding["version"]) == (1, "inserted", orders[1].stream, 4)

    def test_names_an_event_that_was_inserted_in_the_middle(self, orders: list[Order]) -> None:
        stream = orders[1].stream
        behind_the_back("UPDATE core_event SET version = 4 WHERE stream = %s AND version = 3", stream)
        behind_the_back(COPY, 3, stream, 2)
        code, [finding] = run("audit", "verify")
        assert (code, finding["finding"], finding["stream"], finding["version"]) == (1, "inserted", stream, 3)

    def test_names_a_stream_that_was_inserted(self, orders: list[Order]) -> None:
        behind_the_back(
            "INSERT INTO core_event (stream, version, kind, data, actor, correlation_id, cause, recorded_at, digest)"
            " VALUES ('forged-1', 1, 'order.paid', '{}', 'shopper', 'x', '', now(), sha256('x'))"
        )
        code, [finding] = run("audit", "verify")
        assert (code, finding["finding"], finding["stream"]) == (1, "inserted", "forged-1")

    def test_says_what_it_takes(self) -> None:
        with pytest.raises(SystemExit) as usage:
            execute_from_command_line(["manage.py", "audit", "frobnicate"])
        assert usage.value.code == 2


def stored_rows() -> list[dict[str, Any]]:
    return [dict(row) for model in (Order, OrderLine) for row in model.objects.order_by("pk").values()]


@pytest.mark.django_db(transaction=True)
class TestReplaying:
    def test_finds_rows_to_be_the_fold_of_their_events(self, orders: list[Order]) -> None:
        assert run("replay", "--check") == (0, [])

    def test_names_the_column_that_somebody_changed(self, orders: list[Order]) -> None:
        Order.objects.filter(pk=orders[1].pk).update(received=1)
        code, [finding] = run("replay", "--check")
        assert code == 1
        assert finding == {
            "finding": "drift",
            "stream": orders[1].stream,
            "table": "orders_order",
            "key": str(orders[1].pk),
            "column": "received",
            "stored": "1",
            "folded": "0",
        }

    def test_names_rows_that_are_missing_and_rows_from_nowhere(self, orders: list[Order]) -> None:
        OrderLine.objects.filter(order=orders[0]).delete()
        Order.objects.create(pk=10**9, shopper_id="x", account="default", currency="usd")
        code, findings = run("replay", "--check")
        assert code == 1
        assert [(finding["table"], finding["stored"]) for finding in findings] == [
            ("orders_orderline", None),
            ("orders_order", "a row"),
        ]

    def test_says_of_a_stream_that_it_can_not_be_folded(self, orders: list[Order]) -> None:
        behind_the_back("UPDATE core_event SET kind = 'order.unheard_of' WHERE stream = %s", orders[0].stream)
        code, findings = run("replay", "--check")
        assert code == 1
        assert findings[0] == {
            "finding": "unfoldable",
            "stream": orders[0].stream,
            "problem": "UnknownFactError: order.unheard_of of schema 1",
        }

    def test_restores_equal_rows_from_the_log_alone(self, orders: list[Order], mug: Item) -> None:
        before = stored_rows()
        Order.objects.filter(pk=orders[0].pk).delete()
        Order.objects.filter(pk=orders[1].pk).update(received=1)
        run("replay", "--rebuild")
        assert stored_rows() == before
        assert draft_order(mug).root.pk > orders[-1].pk
        assert run("replay", "--check") == (0, [])

    def test_leaves_the_rows_alone_when_the_log_can_not_be_folded(self, orders: list[Order]) -> None:
        before = stored_rows()
        behind_the_back("UPDATE core_event SET kind = 'order.unheard_of' WHERE stream = %s", orders[0].stream)
        with pytest.raises(UnknownFactError):
            call_command("replay", "--rebuild", stderr=StringIO())
        assert stored_rows() == before

    def test_says_what_it_takes(self) -> None:
        with pytest.raises(SystemExit) as usage:
            execute_from_command_line(["manage.py", "replay"])
        assert usage.value.code == 2
