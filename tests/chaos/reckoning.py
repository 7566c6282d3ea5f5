"""The closing table: what Stripe has against what we have on record, row by row, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import requests

from tests.chaos.closing import UNHANDLED, deliveries_at_stripe
from tests.chaos.house import House, Row
from tests.chaos.mirrors import UNFINISHED, in_sync
from tests.chaos.mischief import faults_met
from tests.chaos.shoppers import WAYS, Shoppers
from tests.simulated import ACCOUNT_KEYS

STATE_SECONDS = 60
SETTLED = {"paid", "partially_refunded", "refunded"}
WAITING = {"requires_payment_method", "requires_confirmation", "requires_action"}
CREATIONS = {"checkout.sessions.create", "payment_intents.create", "refunds.create"}


class Reckoning:
    """`lines` of the table, and the `problems` found."""

    def __init__(self, house: House, shoppers: Shoppers) -> None:
        self._house, self._shoppers = house, shoppers
        self.lines: list[str] = []
        self.problems: list[str] = []
        self._charges = [charge for charge in self._at_stripe("charge") if charge["status"] == "succeeded"]
        self._sessions = self._at_stripe("checkout.session")
        of_sessions = {session["payment_intent"] for session in self._sessions}
        self._intents = [one for one in self._at_stripe("payment_intent") if one["id"] not in of_sessions]
        self._refunds = self._at_stripe("refund")
        self._orders = {row["id"]: row for row in house.sql("SELECT * FROM orders_order")}

    def draw_up(self) -> None:
        self._count_purchases()
        self._compare_charges()
        self._compare_openings("Session", "session_id", self._sessions)
        self._compare_openings("PaymentIntent", "payment_intent", self._intents)
        self._look_for_what_is_open()
        self._compare_money()
        self._compare_mirrors()
        self._compare_calls()
        self._count_what_is_open()
        self._run_checks()
        self._count_mischief()

    def _at_stripe(self, kind: str) -> list[Row]:
        return [found for account in ACCOUNT_KEYS for found in self._state(account).get(kind, [])]

    def _state(self, account: str) -> dict[str, list[Row]]:
        query = f"{self._house.stripe.base}/_sim/state?key={ACCOUNT_KEYS[account]}"
        objects: dict[str, list[Row]] = requests.get(query, timeout=STATE_SECONDS).json()["objects"]
        return objects

    def _say(self, name: str, value: object) -> None:
        self.lines.append(f"{name:<52}{value}")

    def _expect(self, name: str, found: Any, expected: Any) -> None:
        """A line of the table that is a problem unless it says what is expected."""
        self._say(name, found)
        if found != expected:
            self.problems.append(f"{name}: {found}, expected {expected}")

    def _expect_none(self, name: str, found: Iterable[object]) -> None:
        rows = list(found)
        self._say(name, len(rows))
        if rows:
            self.problems.append(f"{name}: {', '.join(str(row) for row in rows[:5])}")

    def _count_purchases(self) -> None:
        purchases = self._shoppers.purchases
        opened = [purchase for purchase in purchases if purchase.opened]
        paid = [purchase.order_id for purchase in opened if purchase.paid]
        self._say("purchases tried", len(purchases))
        self._say("  payment reached, paid at once", f"{len(opened)}, {len(paid)}")
        for way in WAYS:
            of_way = [purchase for purchase in opened if purchase.way == way]
            self._say(f"    by {way}", f"{len(of_way)}, {sum(one.paid for one in of_way)}")
        self._say("  with a discount code", listed(Counter(one.code for one in opened if one.code)))
        self._say("  opened both ways, paid one", sum(one.beside for one in opened))
        self._say("  answers to shoppers", listed(self._shoppers.answers))
        self._say("orders by state", listed(Counter(row["state"] for row in self._orders.values())))
        self._say(
            "orders that want attention", listed(Counter(r for o in self._orders.values() for r in o["attention"]))
        )
        states = {order: self._orders[order]["state"] if order in self._orders else "lost" for order in paid}
        unpaid = [f"order {order} is {state}" for order, state in states.items() if state not in SETTLED]
        self._expect_none("shoppers who paid and whose order is not paid", unpaid)
        self._expect_none("shoppers shown two payments in two tabs", (p for p in purchases if len(p.openings) > 1))
        self._expect_none("shoppers whose purchase broke", self._shoppers.errors)

    def _compare_charges(self) -> None:
        told = self._house.sql(
            "SELECT source_id, count(DISTINCT order_id) AS orders FROM orders_payment"
            " WHERE source = 'charge' AND status = 'succeeded' GROUP BY source_id"
        )
        recorded = {row["source_id"]: row["orders"] for row in told}
        charges = {charge["id"] for charge in self._charges}
        self._expect(
            "charges recorded, of those at Stripe",
            f"{len(recorded)} of {len(charges)}",
            f"{len(charges)} of {len(charges)}",
        )
        self._expect_none(
            "charges that don't belong to exactly one order", (c for c in charges if recorded.get(c) != 1)
        )
        self._expect_none("charges recorded that Stripe doesn't have", recorded.keys() - charges)
        by_order = Counter(order_of(charge) for charge in self._charges)
        settled = {number for number, row in self._orders.items() if row["state"] in SETTLED}
        given_away = {number for number in settled if self._orders[number]["total"] == 0}
        completed = {order_of(one) for one in self._sessions if one["payment_status"] == "no_payment_required"}
        self._say("orders of nothing to pay, confirmed at Stripe", len(given_away))
        self._expect_none("  that are not Stripe's", given_away ^ completed)
        self._expect_none("orders paid without a charge", settled - given_away - by_order.keys())
        self._expect_none("orders charged and not paid", by_order.keys() - settled)
        self._expect_none("orders charged twice", (order for order, count in by_order.items() if count > 1))

    def _compare_openings(self, name: str, column: str, found: list[Row]) -> None:
        rows = self._house.sql(f"SELECT {column} AS id FROM orders_checkout WHERE {column} <> ''")  # noqa: S608 ours
        recorded, at_stripe = {row["id"] for row in rows}, {one["id"] for one in found}
        by_order = Counter(order_of(one) for one in found)
        self._say(f"{name}s per order", listed(Counter(f"{count} each" for count in by_order.values())))
        self._expect_none(f"{name}s of an order that we don't have", by_order.keys() - self._orders.keys())
        self._expect_none(f"{name}s that their order doesn't know", at_stripe - recorded)
        self._expect_none(f"{name}s recorded that Stripe doesn't have", recorded - at_stripe)
        self._expect_none(f"orders with more than one {name}", (o for o, n in by_order.items() if n > 1))

    def _look_for_what_is_open(self) -> None:
        """Nobody can pay once more what was paid, or what is canceled."""
        waiting = [one for one in self._sessions if one["status"] == "open"]
        waiting += [one for one in self._intents if one["status"] in WAITING]
        done = {number for number, row in self._orders.items() if row["state"] in {*SETTLED, "canceled"}}
        self._expect_none("open at Stripe of an order that is done", (o["id"] for o in waiting if order_of(o) in done))

    def _compare_money(self) -> None:
        came_in, given_back = Counter[str](), Counter[str]()
        by_order: Counter[int] = Counter()
        for charge in self._charges:
            came_in[charge["currency"]] += charge["amount_captured"]
            by_order[order_of(charge)] += charge["amount_captured"]
        for refund in self._refunds:
            given_back[refund["currency"]] += refund["amount"] if refund["status"] == "succeeded" else 0
        received, refunded = Counter[str](), Counter[str]()
        for row in self._orders.values():
            received[row["currency"]] += row["received"]
            refunded[row["currency"]] += row["refunded"]
        self._say("money in at Stripe", listed(came_in))
        self._expect("money in recorded", listed(received), listed(came_in))
        differing = [number for number, row in self._orders.items() if row["received"] != by_order[number]]
        self._expect_none("orders whose money is not Stripe's", differing)
        self._say("refunds at Stripe, by status", listed(Counter(refund["status"] for refund in self._refunds)))
        self._say("  at the dashboard", listed(self._shoppers.payer.refunds))
        asked = self._house.sql("SELECT count(*) AS n FROM core_event WHERE kind = 'order.refund_requested'")
        self._say("  asked for by us", asked[0]["n"])
        self._say("money given back at Stripe", listed(given_back))
        self._expect("money given back recorded", listed(refunded), listed(given_back))
        recorded = {row["refund_id"]: row["status"] for row in self._house.sql("SELECT * FROM orders_refund")}
        at_stripe = {refund["id"]: refund["status"] for refund in self._refunds}
        self._expect_none("refunds that differ from Stripe's", recorded.items() ^ at_stripe.items())

    def _compare_calls(self) -> None:
        calls = self._house.sql("SELECT id, operation, state FROM billing_stripecall")
        created = [call for call in calls if call["operation"] in CREATIONS]
        objects = (*self._sessions, *self._intents, *self._refunds)
        made = Counter((found["metadata"] or {}).get("call_id") for found in objects)
        self._say("calls to Stripe, by outcome", listed(Counter(call["state"] for call in calls)))
        kinds = self._house.sql("SELECT count(*) AS n FROM core_event WHERE kind = 'stripe.call.unknown'")
        self._say("  times that an outcome was unknown", kinds[0]["n"])
        wrong = [call for call in created if made[str(call["id"])] != (call["state"] == "succeeded")]
        self._expect_none("creations that Stripe doesn't have exactly so often", wrong)

    def _compare_mirrors(self) -> None:
        live, problems = in_sync(self._house)
        changes = self._house.sql("SELECT count(*) AS n FROM core_event WHERE kind LIKE '%.sync_requested'")
        self._say("changes of discounts and taxes", changes[0]["n"])
        self._say("coupons and tax rates that stand at Stripe", live)
        self._expect_none("  not as their mirror has them", problems)
        self._expect_none("  not synced", self._house.sql(UNFINISHED))

    def _count_what_is_open(self) -> None:
        _, opened = self._run("stripe_calls", "--open")
        self._expect_none("open calls", opened.splitlines())
        by_state = self._house.sql("SELECT state, count(*) AS n FROM webhooks_delivery GROUP BY state")
        self._say("deliveries by state", listed({row["state"]: row["n"] for row in by_state}))
        self._expect_none("unhandled deliveries", self._house.sql(UNHANDLED))
        waiting = "SELECT event_id, type FROM webhooks_delivery WHERE state = 'waiting'"
        self._expect_none("deliveries that wait for an unknown payment", self._house.sql(waiting))
        stalled = "SELECT task_name FROM procrastinate_jobs WHERE status IN ('doing', 'failed')"
        self._say("jobs left doing or failed", listed(Counter(row["task_name"] for row in self._house.sql(stalled))))

    def _run_checks(self) -> None:
        [counted] = self._house.sql("SELECT count(*) AS n, count(DISTINCT stream) AS streams FROM core_event")
        self._say("events in the log, streams", f"{counted['n']}, {counted['streams']}")
        for command in (("replay", "--check"), ("audit", "verify")):
            code, output = self._run(*command)
            self._expect(f"{' '.join(command)}: exit code", code, 0)
            self.problems += output.splitlines()[:3] if code else []
        violations = self._house.violations.read_text().splitlines() if self._house.violations.exists() else []
        self._expect_none("requests or answers against Stripe's contract", violations)

    def _run(self, *command: str) -> tuple[int, str]:
        done = self._house.manage(*command)
        return done.returncode, done.stdout

    def _count_mischief(self) -> None:
        self._say("killed", listed(self._house.kills))
        self._say("ended by themselves, and started again", listed(self._house.ended))
        for fault, count in faults_met(self._house.stripe, deliveries_at_stripe(self._house)).items():
            self._say(f"fault {fault}", count)


def order_of(stripe_object: Mapping[str, Any]) -> int:
    return int(stripe_object["metadata"]["order_id"])


def listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
