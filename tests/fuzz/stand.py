"""What is attacked: the product as gunicorn serves it, some shoppers with orders in every state, and real events."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from deploy.bench.scratch import Roles, own_database, own_roles
from deploy.bench.subject import wait_for_answer
from deploy.postgres import temporary_server
from deploy.processes import StepError
from tests.environment import TEST_ENVIRONMENT
from tests.fuzz.cases import SHOPPERS, Case
from tests.fuzz.wire import Answer, send
from tests.shop import Shop, Shopper
from tests.simulated import ACCOUNT_KEYS, TIMEOUT

EMAIL = "shopper@example.com"
# What no answer and no log line may hold, whoever asks. The publishable keys are public.
SECRETS = {
    value
    for name, value in TEST_ENVIRONMENT.items()
    if name.endswith(("_SECRET_KEY", "_SECRETS"))
    for value in value.split(",")
} | {EMAIL}
# Of each object that an order learns of, at least one event is there to be mangled.
READERS_OF = {
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.canceled",
    "charge.succeeded",
    "charge.failed",
    "refund.created",
    "charge.dispute.created",
    "review.opened",
}
TRACEBACK = "Traceback (most recent call last)"
COUNT = "SELECT {name} AS name, count(*) AS rows, max(xmin::text::bigint) AS written FROM {table}"


class Exchange(NamedTuple):
    """`logged` is what the server logged meanwhile; `wrote`, whether any row was written or locked. `written` are the
    tables that hold something else than before, where nothing may be written.
    """

    case: Case
    answer: Answer
    logged: str
    wrote: bool
    written: tuple[str, ...]


class Stand(Shop):
    """No worker and no webhooks of the simulator's own: nothing is written but by what is sent.

    The limits of shoppers stay; those of an address are met by whoever says to be elsewhere (X-Forwarded-For).
    """

    def __init__(self, database_url: str, roles: Roles, folder: Path) -> None:
        super().__init__(database_url, roles, folder)
        self._environment |= {"CHECKOUTS_PER_BROWSER": "100000", "CHECKOUTS_PER_ADDRESS": "100000"}
        self._environment |= {"TRUSTED_PROXIES": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
        self.log = folder / "web.log"
        self.shoppers: list[str] = []
        self.corpus: dict[str, Any] = {}
        self._read = 0
        self._tables: dict[str, tuple[int, int]] | None = None

    def start(self) -> None:
        simulator = self._start("simulator", "-m", "simulator", f"--port={self.stripe_port}", "--self-check")
        self.make_tables()
        self._web = self._start("web", "-m", "gunicorn", "core.wsgi", "--config", "deploy/gunicorn.py")
        wait_for_answer(simulator, self.stripe_port, "/_sim/faults")
        wait_for_answer(self._web, self.port, "/readyz")
        self._database = psycopg.connect(self.database_url, autocommit=True)
        self.prepare()
        self.logged()

    def stop(self) -> None:
        if hasattr(self, "_database"):
            self._database.close()
        super().stop()

    def prepare(self) -> None:
        """The same orders, numbered alike, in every run."""
        browsers = [Shopper(self) for _ in range(SHOPPERS)]
        paid, refunded, disputed, declined, pending, left, expired, basket, here, *_ = browsers
        for browser in (paid, refunded, disputed):
            self.stripe.pay(browser.buy()["url"])
        first, second, third = sorted(self.stripe.objects("charge"), key=lambda charge: charge["created"])[:3]
        self.stripe.refund(second["id"], amount=100)
        self.stripe.dispute(third["id"])
        self.stripe.review(first["id"])
        self.stripe.pay(declined.buy(3)["url"], card="4000000000000002")
        self.stripe.pay(pending.buy(7)["url"], **{"async": "1"})
        left.buy(4)
        session = expired.buy(2)["session_id"]
        self.stripe.in_dashboard("POST", f"/v1/checkout/sessions/{session}/expire")
        for browser in (basket, here):
            self.change(browser, "/basket/items", {"item": 8, "quantity": 2})
            self.change(browser, "/basket/discount", {"code": "SPRING15"})
        opened = self.change(here, "/basket/checkout", {"pay": "here"})
        intent = self.change(here, f"/order/{opened['order_id']}/payment-intent", {})
        self.stripe.in_dashboard(
            "POST", f"/v1/payment_intents/{intent['client_secret'].partition('_secret_')[0]}/cancel"
        )
        self.stripe.advance(3600)
        for browser in browsers:
            self.shoppers.append(browser.cookies["shopper_id"])
            browser.close()
        self.gather_events()

    def gather_events(self) -> None:
        """One of each type and account; all of the first order are posted, so that it is paid and has an address."""
        for account in ACCOUNT_KEYS:
            for event in self.stripe.objects("event", account):
                self.corpus[f"{account} {event['type']}"] = event
                if (event["data"]["object"].get("metadata") or {}).get("order_id") == "1":
                    self.post_delivery(json.dumps(event).encode()).raise_for_status()
        if missing := READERS_OF - {name.partition(" ")[2] for name in self.corpus}:
            raise StepError(f"no event of {', '.join(sorted(missing))} to start from")

    def change(self, browser: Shopper, path: str, fields: dict[str, Any]) -> Any:
        headers = {"Accept": "application/json", "X-CSRFToken": browser.cookies["csrftoken"]}
        answer = browser.post(f"{self.url}{path}", json=fields, headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def attempt(self, case: Case, *, may_write: bool) -> Exchange:
        """Raises OSError when the server does not listen any more."""
        if not may_write and self._tables is None:
            self._tables = self.tables()
        before = self.next_transaction()
        answer = send(self.port, case.render(self.corpus, self.shoppers), case.method)
        written: tuple[str, ...] = ()
        wrote = self.next_transaction() != before
        if wrote:
            known, self._tables = self._tables, None
            if not may_write:
                now = self._tables = self.tables()
                written = tuple(name for name in now if now[name] != (known or {}).get(name))
        return Exchange(case, answer, self.logged(), wrote, written)

    def next_transaction(self) -> int:
        """It goes up with every transaction of the server that writes, or only locks, a row."""
        [(number,)] = self._database.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return int(number)

    def tables(self) -> dict[str, tuple[int, int]]:
        """Of every table how many rows it has, and the newest transaction that wrote one."""
        names = self._database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        counts = [
            sql.SQL(COUNT).format(name=sql.Literal(name), table=sql.Identifier(name)) for (name,) in names.fetchall()
        ]
        rows = self._database.execute(sql.SQL(" UNION ALL ").join(counts)).fetchall()
        return {name: (count, written or 0) for name, count, written in rows}

    def logged(self) -> str:
        """What came to the log since it was asked last."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            fresh = log.read()
        self._read += len(fresh)
        return fresh.decode("utf-8", "replace")


@contextmanager
def running_stand(folder: Path) -> Iterator[Stand]:
    """On a database server of its own, which nobody else writes to."""
    with (
        temporary_server() as server,
        own_roles(server) as roles,
        own_database(server, owner=roles.owner.name) as database_url,
    ):
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
        stand = Stand(database_url, roles, folder)
        try:
            stand.start()
            yield stand
        finally:
            stand.stop()
