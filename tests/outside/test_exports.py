"""An export from the running server, whose reader goes away."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.shop import Shop, wait_for
from tests.simulated import TIMEOUT

LINES = 60_000


@pytest.fixture
def staff(shop: Shop) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{shop.url}/admin/login/", timeout=TIMEOUT).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    form = {"username": "admin", "password": "root", "csrfmiddlewaretoken": found[1]}
    session.post(f"{shop.url}/admin/login/", form, timeout=TIMEOUT).raise_for_status()
    return session


@pytest.fixture
def lines(shop: Shop) -> Iterator[None]:
    shop.sql(
        """INSERT INTO finance_ledgerline (position, number, order_id, account, livemode, movement, object_id, debit,
        credit, amount, currency, happened_at, month, is_adjustment)
        SELECT 1000000 + n, 0, n, 'default', false, 'payment', 'pi_' || n, 'cash', 'receivable', n, 'usd', now(),
        '2026-11-01', false FROM generate_series(1, %s) n""",
        LINES,
    )
    yield
    shop.sql("DELETE FROM finance_ledgerline WHERE position > 1000000")


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_that_nobody_reads_on_is_broken_off_and_leaves_nothing_open(
    shop: Shop, lines: None, staff: requests.Session, file_format: str
) -> None:
    [before] = shop.sql("SELECT coalesce(max(position), 0) AS position FROM core_event")
    with staff.get(f"{shop.url}/admin/export/ledger.{file_format}", stream=True, timeout=TIMEOUT) as answer:
        assert answer.status_code == 200
        next(answer.iter_content(100))
        assert open_transactions(shop) == 0
    wait_for(lambda: ends_of(shop, file_format, before["position"]))
    [end] = ends_of(shop, file_format, before["position"])
    assert end["kind"] == "export.broken_off"
    assert 0 < end["rows"] < LINES


def ends_of(shop: Shop, file_format: str, since: int) -> list[dict[str, Any]]:
    """Of the exports that were begun behind a position."""
    return shop.sql(
        """SELECT ending.kind, (ending.data->>'rows')::int AS rows FROM core_event begun
        JOIN core_event ending ON ending.stream = begun.stream AND ending.version = 2
        WHERE begun.kind = 'export.begun' AND begun.data->>'format' = %s AND begun.position > %s""",
        file_format,
        since,
    )


def open_transactions(shop: Shop) -> int:
    [found] = shop.sql(
        """SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database()
        AND state LIKE 'idle in transaction%%' AND query LIKE '%%finance_ledgerline%%'"""
    )
    return int(found["count"])
