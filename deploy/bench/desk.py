"""The finance desk at a million orders: `python -m deploy.bench.desk` asks for every page of desk_pages.py, prints how
long the server took and what it asked the database, and fails where that would read a large table from end to end.

It goes through the whole WSGI stack, middleware and templates included, in this process; DATABASE_URL names a generated
database. The times say what was measured here and now: they decide nothing. What decides is the plans, which the
database makes from the same statistics in every run.
"""

import argparse
import json
import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 Django must know its settings first
from django.db import connection  # noqa: E402 as above
from django.test import Client  # noqa: E402 as above

from deploy.bench.desk_pages import Page, desk_pages  # noqa: E402 as above

ROUNDS = 7
LARGE = 50_000  # rows; reading fewer from end to end costs no more than an index
WANTED_MS = 300
NOBODY = "desk-bench"


class Query(NamedTuple):
    statement: str
    values: Any


class Time(NamedTuple):
    """Of one answer, in milliseconds: all of it by the clock, this process's own work, and waiting for the database.

    On a machine that does other things too, the clock tells of them as well.
    """

    clock: float
    own: float
    database: float


class Reading(NamedTuple):
    """What one page took; `scanned` names the large tables that a plan reads from end to end."""

    page: Page
    times: list[Time]
    queries: int
    scanned: list[str]

    def median(self, part: str = "clock") -> float:
        return float(statistics.median(getattr(time, part) for time in self.times))


def measure(client: Client, pages: Sequence[Page], rounds: int) -> Iterator[Reading]:
    """Each page is asked for once with its queries noted, then all of them in turn, round after round."""
    large = large_tables()
    noted = [queries_of(client, page) for page in pages]
    scanned = [sorted({table for query in queries for table in scans_of(query) & large}) for queries in noted]
    taken: list[list[Time]] = [[] for _ in pages]
    for _ in range(rounds):
        for page, times in zip(pages, taken, strict=True):
            times.append(time_of(client, page))
    for page, times, queries, tables in zip(pages, taken, noted, scanned, strict=True):
        yield Reading(page, times, len(queries), tables)


def time_of(client: Client, page: Page) -> Time:
    waited = 0.0

    def wait(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal waited
        started = time.perf_counter()
        result = execute(*arguments)
        waited += time.perf_counter() - started
        return result

    with connection.execute_wrapper(wait):
        started, worked = time.perf_counter(), time.process_time()
        ask(client, page)
        return Time(*((1000 * part) for part in (time.perf_counter() - started, time.process_time() - worked, waited)))


def ask(client: Client, page: Page) -> None:
    answer = client.get(page.address)
    if answer.status_code != 200:  # noqa: PLR2004 OK
        sys.exit(f"{page.name} ({page.address}): {answer.status_code}")


def queries_of(client: Client, page: Page) -> list[Query]:
    queries: list[Query] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 Django's signature
        queries.append(Query(sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        ask(client, page)
    return queries


def scans_of(query: Query) -> set[str]:
    """The tables that the query's plan reads from end to end; the plan is made, not carried out."""
    if not query.statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {query.statement}", query.values)
        [plan] = cursor.fetchone()
    return set(scans_in((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))


def scans_in(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"].endswith("Seq Scan"):
        yield node["Relation Name"]
    for inner in node.get("Plans", []):
        yield from scans_in(inner)


def large_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [LARGE])
        return {name for (name,) in cursor.fetchall()}


def report(readings: Sequence[Reading]) -> Iterator[str]:
    yield f"{'page':<50}{'median':>8}{'lowest .. highest':>19}{'own':>6}{'database':>10}{'queries':>9}  reads all of"
    for one in readings:
        clock = [time.clock for time in one.times]
        spread = f"{min(clock):.0f} .. {max(clock):.0f}"
        yield (
            f"{one.page.name:<50}{one.median():>8.0f}{spread:>19}{one.median('own'):>6.0f}{one.median('database'):>10.0f}"
            f"{one.queries:>9}  {', '.join(one.scanned)}"
        ).rstrip()
    slow = [one for one in readings if one.median() > WANTED_MS]
    yield ""
    yield f"{len(readings)} pages, {len(slow)} with a median above {WANTED_MS} ms; all in milliseconds. The slowest:"
    for one in sorted(readings, key=lambda one: -one.median())[:5]:
        yield f"  {one.median():>6.0f}  {one.page.name}"


def sizes() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples::bigint FROM pg_class WHERE relkind = 'r' AND reltuples > %s ORDER BY 2 DESC",
            [LARGE],
        )
        return ", ".join(f"{name} {count:,}" for name, count in cursor.fetchall())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="the pages whose name holds this")
    parser.add_argument("--explain", action="store_true", help="print the plan of every query on a large table too")
    options = parser.parse_args()
    logging.disable(logging.INFO)  # a line for every request would bury the table
    user, _ = get_user_model().objects.get_or_create(username=NOBODY, is_staff=True, is_superuser=True)
    try:
        client = Client(headers={"host": "127.0.0.1"})
        client.force_login(user)
        pages = [page for page in desk_pages() if options.only in page.name]
        if options.explain:
            explain(client, pages)
            return 0
        readings = list(measure(client, pages, options.rounds))
    finally:
        user.delete()
    print(f"rows: {sizes()}\n")
    for text in report(readings):
        print(text)
    return 1 if any(one.scanned for one in readings) else 0


def explain(client: Client, pages: Sequence[Page]) -> None:
    large = large_tables()
    for page in pages:
        print(f"\n{page.name}")
        for query in queries_of(client, page):
            if any(f'"{table}"' in query.statement for table in large):
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS) {query.statement}", query.values)
                    print("\n".join(line for (line,) in cursor.fetchall()), "\n")


if __name__ == "__main__":
    sys.exit(main())
