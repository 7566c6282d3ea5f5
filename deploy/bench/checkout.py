"""How long the shop itself takes for a checkout: the answer to `GET /buy/<id>`, less what it waited for Stripe.

One shopper after the other: each opens the item's page, which gives them their cookie, then buys. The shop runs as in
production, but for COUNTERSIGN_DEMO, without which it refuses a stand-in for Stripe.
"""

import http.client
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from deploy.bench.comparison import NOISY, spread_of
from deploy.bench.contender import Meter
from deploy.bench.cpu import find_postmaster
from deploy.bench.outcome import Conditions, Judged, Outcome
from deploy.bench.report import UNKNOWN, heading, row, spread_text
from deploy.bench.scratch import free_port, own_database
from deploy.bench.stripe_wire import StripeRelay, relayed_stripe
from deploy.bench.subject import complete, serving_shop, started, wait_until_open
from deploy.bench.wire import Relay, relayed
from deploy.check import production
from deploy.processes import StepError

GOAL_MS = 15.0
PLAIN, TAXED, AGAIN = "a new checkout", "a new checkout, with a tax", "the same once more"
COUNTED_AS = ("SQL statements", "trips", "calls to Stripe")
WARM_UP, OF_A_ROUND, COUNTED = 40, 30, 20
MAKE_ITEMS = """
from billing.models import Tax
from core.eventlog import provenance
from orders.models import Item

with provenance.acting("system:bench"):
    vat = Tax.objects.create(name="VAT", percentage=19, inclusive=True)
    Item.objects.create(pk=1, name="Enamel mug", price=1850, currency="usd")
    Item.objects.create(pk=2, name="Enamel mug", price=1850, currency="usd").taxes.add(vat)
"""
KINDS = (PLAIN, TAXED, AGAIN)
ITEMS = {PLAIN: 1, TAXED: 2}
TRACES = """
    SELECT (SELECT count(*) FROM orders_order), (SELECT count(*) FROM orders_checkout WHERE state = 'open'),
        (SELECT count(*) FROM billing_stripecall WHERE operation = 'checkout.sessions.create' AND state = 'succeeded')
"""


class Taken(NamedTuple):
    """By one answer: seconds of CPU, in the server and PostgreSQL; seconds, and of these what passed while Stripe was
    asked; calls to Stripe; statements and trips of PostgreSQL's, if these are counted.
    """

    cpu: float
    seconds: float
    waited: float
    calls: float
    statements: float = 0
    trips: float = 0

    @property
    def own_ms(self) -> float:
        return (self.seconds - self.waited) * 1000


class Shop(NamedTuple):
    """`database`: what counts on the way to PostgreSQL, if anything does."""

    port: int
    meter: Meter
    stripe: StripeRelay
    database: Relay | None = None

    def read(self) -> tuple[float, ...]:
        counted = self.database.counts if self.database else ()
        return time.perf_counter(), self.stripe.waited, self.stripe.requests, *counted

    def read_cpu(self) -> float:
        return self.meter.read() or math.nan

    def buy(self, kind: str) -> Taken:
        item = ITEMS.get(kind, ITEMS[PLAIN])
        cookie = "; ".join(one.partition(";")[0] for one in self.ask(f"/item/{item}").get_all("Set-Cookie") or [])
        if kind == AGAIN:
            self.ask(f"/buy/{item}", cookie)
        cpu, before = self.read_cpu(), self.read()
        self.ask(f"/buy/{item}", cookie)
        taken = [late - early for late, early in zip(self.read(), before, strict=True)]
        return Taken(self.read_cpu() - cpu, *taken)

    def ask(self, path: str, cookie: str = "") -> http.client.HTTPMessage:
        """The answer's headers. Over a connection of its own, so that every worker gets some; raises StepError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path, headers={"X-Forwarded-Proto": "https", "Cookie": cookie})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise StepError(f"{path} was answered with {answer.status}: {text[:200]}")
        return answer.headers


type Rounds = Mapping[str, list[list[Taken]]]


def part(conditions: Conditions) -> Outcome:
    """Raises StepError."""
    with own_database(conditions.server_url) as database_url, standing_in() as stripe:
        environment = shop_environment(database_url, stripe)
        complete(environment, "manage.py", "migrate", "--verbosity=0")
        complete(environment, "manage.py", "shell", "--no-imports", "-c", MAKE_ITEMS)
        with serving_shop(environment) as server:
            meter = Meter([server.process, find_postmaster(database_url)])
            rounds = measure(Shop(server.port, meter, stripe), conditions)
            connections = stripe.connections
        counts = count(environment, stripe)
        refuse_unless_opened(database_url)
    medians = {kind: [statistics.median(one.own_ms for one in of_round) for of_round in rounds[kind]] for kind in KINDS}
    noisy = {kind: max(of) / min(of) for kind, of in medians.items() if max(of) > NOISY * min(of)}
    calls = sum(one.calls for kind in KINDS for of_round in rounds[kind] for one in of_round)
    return Outcome(
        title="The checkout",
        lines=[
            *table(rounds, medians, counts),
            "",
            f"The {calls:,.0f} calls to Stripe went over {connections} connections.",
        ],
        judged=[] if noisy else [judge(kind, medians[kind]) for kind in ITEMS],
        noisy=noisy,
        figures={
            "own_ms": {kind: [[one.own_ms for one in of_round] for of_round in rounds[kind]] for kind in KINDS},
            "counts": {
                kind: {"statements": one.statements, "trips": one.trips, "calls": one.calls}
                for kind, one in counts.items()
            },
            "stripe": {"calls": calls, "connections": connections},
        },
    )


def measure(shop: Shop, conditions: Conditions) -> Rounds:
    warm_up(shop)
    chance = random.Random(conditions.seed)  # noqa: S311 it decides who comes first
    rounds: dict[str, list[list[Taken]]] = {kind: [] for kind in KINDS}
    for _ in range(conditions.plan.rounds):
        for kind in chance.sample(KINDS, len(KINDS)):
            rounds[kind].append([shop.buy(kind) for _ in range(OF_A_ROUND)])
    return rounds


def warm_up(shop: Shop) -> None:
    for _ in range(WARM_UP):
        for kind in KINDS:
            shop.buy(kind)


def count(environment: Mapping[str, str], stripe: StripeRelay) -> dict[str, Taken]:
    """What one takes at the median, told by the wire to PostgreSQL, in a server of its own."""
    with relayed(environment["DATABASE_URL"]) as (url, relay):
        other = {"PORT": str(free_port()), "DATABASE_URL": url}
        with serving_shop({**environment, **other}) as server:
            shop = Shop(server.port, Meter([]), stripe, relay)
            warm_up(shop)
            taken = {kind: [shop.buy(kind) for _ in range(COUNTED)] for kind in KINDS}
    return {kind: Taken(*map(statistics.median, zip(*of_kind, strict=True))) for kind, of_kind in taken.items()}


def refuse_unless_opened(database_url: str) -> None:
    """Raises StepError: what was measured did not do its work."""
    with psycopg.connect(database_url) as connection:
        [orders, opened, calls] = connection.execute(TRACES).fetchone() or [0, 0, 0]
    if not orders == opened == calls:
        raise StepError(f"{orders} orders were placed, {opened} checkouts opened by {calls} calls")


def table(rounds: Rounds, medians: Mapping[str, list[float]], counts: Mapping[str, Taken]) -> Iterator[str]:
    yield from heading(["`GET /buy/<id>`", "own share, ms", "p99, ms", "CPU, ms", *COUNTED_AS])
    for kind in KINDS:
        all_of_it = [one for of_round in rounds[kind] for one in of_round]
        p99 = sorted(one.own_ms for one in all_of_it)[len(all_of_it) * 99 // 100]
        cpu = (
            statistics.fmean(one.cpu for one in all_of_it) * 1000
        )  # noted in hundredths of a second: only a mean tells
        counted = (f"{one:.0f}" for one in (counts[kind].statements, counts[kind].trips, counts[kind].calls))
        own = spread_text(spread_of(medians[kind]), ".1f")
        yield row([kind, own, f"{p99:.1f}", UNKNOWN if math.isnan(cpu) else f"{cpu:.1f}", *counted])


def judge(kind: str, medians: list[float]) -> Judged:
    own = spread_of(medians)
    met = "yes" if own.median < GOAL_MS else "no"
    return Judged(f"own share, ms: {kind}", f"< {GOAL_MS:g}", "", spread_text(own, ".1f"), met)


def shop_environment(database_url: str, stripe: StripeRelay) -> dict[str, str]:
    return production(database_url) | {
        "CHECKOUTS_PER_ADDRESS": "99999",
        "COUNTERSIGN_DEMO": "1",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "PORT": str(free_port()),
        "STRIPE_API_BASE": stripe.url,
    }


@contextmanager
def standing_in() -> Iterator[StripeRelay]:
    """The simulator, by a relay that measures its answers."""
    port = free_port()
    with started("simulator", [sys.executable, "-m", "simulator", "--port", str(port)], os.environ) as simulator:
        wait_until_open(simulator, port)
        with relayed_stripe(f"http://127.0.0.1:{port}") as relay:
            yield relay
