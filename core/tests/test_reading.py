"""The whole log is read in parts: what is found does not depend on how many there are, nor on who does them."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from core.chain import canonical_bytes
from core.eventlog import provenance, reading
from core.eventlog.append import event_bytes
from core.eventlog.reading import StreamRange, in_processes, of_each_range, read_events, stream_ranges
from core.eventlog.replay import check_rows, check_streams, rebuild_rows
from core.eventlog.snapshot import read_only_snapshot
from core.eventlog.verify import verify_log
from core.models import Event
from core.tests import test_eventlog
from core.tests.attacks import OURS, behind_the_back, signed_orders
from orders.models import Item, Order, OrderLine


@pytest.fixture(autouse=True)
def somebody_acts(settings: Any) -> Iterator[None]:
    settings.AUDIT_SIGNING_KEY = OURS
    with provenance.acting("system:test", correlation_id="test"):
        yield


@pytest.fixture
def orders(mug: Item) -> list[Order]:
    """18 events of six orders, in three checkpoints."""
    return signed_orders(mug)


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "EVENTS_IN_A_RANGE", 3)


@pytest.fixture
def many_processes(small_ranges: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PARTS_OF_ONE_PROCESS", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def spoil(orders: list[Order]) -> None:
    """A row and an event of different orders, a whole stream, and a row from nowhere."""
    Order.objects.filter(pk=orders[0].pk).update(received=1)
    behind_the_back("UPDATE core_event SET kind = 'order.paid' WHERE stream = %s AND version = 2", orders[2].stream)
    behind_the_back("DELETE FROM core_event WHERE stream = %s", orders[4].stream)
    Order.objects.create(pk=10**9, shopper_id="x", account="default", currency="usd")


def findings() -> list[dict[str, object]]:
    return [finding.as_json() for finding in (*check_rows(), *verify_log())]


@pytest.mark.django_db(transaction=True)
class TestRanges:
    def test_hold_every_stream_once_and_whole(self, orders: list[Order], small_ranges: None) -> None:
        ranges = list(stream_ranges())
        assert len(ranges) > 3
        with read_only_snapshot():
            read = [[(event.stream, event.version) for event in read_events(streams)] for streams in ranges]
        assert list(chain.from_iterable(read)) == list(
            Event.objects.order_by("stream", "version").values_list("stream", "version")
        )
        assert max(Counter(stream for part in read for stream in {stream for stream, _ in part}).values()) == 1

    def test_hold_a_stream_without_a_name(self, orders: list[Order], small_ranges: None) -> None:
        behind_the_back(
            "INSERT INTO core_event (stream, version, kind, data, actor, correlation_id, cause, recorded_at, digest)"
            " VALUES ('', 1, 'order.paid', '{}', 'shopper', 'x', '', now(), sha256('x'))"
        )
        assert [(found.finding, found.stream) for found in verify_log()] == [("inserted", "")]

    def test_of_no_events_are_one(self) -> None:
        assert list(stream_ranges()) == [StreamRange(None, None)]

    def test_hold_what_the_model_holds(self, orders: list[Order]) -> None:
        with read_only_snapshot():
            bare = list(read_events(StreamRange(None, None)))
        for event, stored in zip(bare, Event.objects.order_by("stream", "version"), strict=True):
            assert event_bytes(event) == event_bytes(stored)
            assert (event.position, event.digest) == (stored.position, bytes(stored.digest))


@pytest.mark.django_db(transaction=True)
class TestSeveralProcesses:
    def test_find_what_one_finds(self, orders: list[Order], request: pytest.FixtureRequest) -> None:
        spoil(orders)
        alone = findings()
        assert {finding["finding"] for finding in alone} == {"drift", "unfoldable", "altered", "removed"}
        request.getfixturevalue("many_processes")
        assert sorted(findings(), key=str) == sorted(alone, key=str)

    def test_restore_what_one_restores(self, orders: list[Order], many_processes: None) -> None:
        before = test_eventlog.stored_rows()
        Order.objects.filter(pk=orders[1].pk).update(received=1)
        assert rebuild_rows() == len(orders)
        assert test_eventlog.stored_rows() == before

    def test_read_the_snapshot_of_the_one_that_started_them(self, orders: list[Order], many_processes: None) -> None:
        with read_only_snapshot():
            assert OrderLine.objects.count() == len(orders)
            with closing(connection.copy()) as somebody:
                somebody.cursor().execute("DELETE FROM orders_orderline")
            assert list(in_processes(of_each_range(check_streams))) == []
        assert len(list(check_rows())) == len(orders)


class TestCanonicalBytesAre:
    """As any JSON reader makes them: those that were written by Python's json, too."""

    @given(
        st.recursive(
            st.integers() | st.text() | st.booleans() | st.none(),
            lambda below: st.lists(below) | st.dictionaries(st.text(), below),
        )
    )
    def test_what_pythons_json_gives(self, value: object) -> None:
        event = test_eventlog.TestCanonicalBytes.event | {"data": {"value": value}}
        plain = event | {"recorded_at": "2026-11-23T05:15:00.000000+00:00"}
        expected = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert canonical_bytes(**event) == expected.encode()
