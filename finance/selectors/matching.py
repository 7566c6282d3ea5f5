"""Stripe's books against our orders, each question one statement over whole tables: no row of a match leaves the
database, only what disagrees.

An object of Stripe's (a charge, refund or dispute) agrees when each of its balance transactions is of our amount, and
they go as often to the balance as from it as its status says: a refund that failed later has come back, a dispute that
was won has, too. Where money was exchanged, our amount times the rate has to be theirs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import connection

from core.money import THREE_DECIMAL, ZERO_DECIMAL
from finance.models import Moved
from orders.models import Order

# docs.stripe.com/reports/reporting-categories
CATEGORIES: dict[str, tuple[str, ...]] = {
    Moved.PAYMENT: ("charge", "charge_failure"),
    Moved.REFUND: ("refund", "refund_failure"),
    Moved.DISPUTE: ("dispute", "dispute_reversal"),
    Moved.PAYOUT: ("payout", "payout_reversal"),
}
CLOCK_SKEW = timedelta(minutes=5)
OF_ORDERS = (Moved.PAYMENT, Moved.REFUND, Moved.DISPUTE)

MOVEMENT = "CASE {} ELSE 'other' END".format(
    " ".join(
        f"WHEN line.category IN ({', '.join(repr(name) for name in names)}) THEN '{movement.value}'"  # type: ignore[attr-defined] # a member
        for movement, names in CATEGORIES.items()
    )
)

# Which sums of signs an object may have: 1 came, -1 went, 0 came back or never moved. What a refund does while it is
# pending depends on the method of payment. An inquiry moves nothing.
OURS = """
    SELECT payment.source_id AS object_id, 'payment' AS movement, payment.order_id, payment.amount, payment.currency,
           payment.updated_at AS moved_at, ARRAY[1] AS signs
    FROM orders_payment payment
    WHERE payment.account = %(account)s AND payment.livemode = %(livemode)s AND payment.status = 'succeeded'
      AND payment.source = 'charge'
    UNION ALL
    SELECT COALESCE(max(NULLIF(word.charge, '')), word.payment_intent), 'payment', word.order_id,
           (array_agg(word.amount ORDER BY word.source DESC))[1],
           (array_agg(word.currency ORDER BY word.source DESC))[1], max(word.updated_at), ARRAY[1]
    FROM orders_payment word
    WHERE word.account = %(account)s AND word.livemode = %(livemode)s AND word.status = 'succeeded'
      AND word.source <> 'charge'
      AND NOT EXISTS (SELECT FROM orders_payment charge WHERE charge.order_id = word.order_id
                      AND charge.payment_intent = word.payment_intent AND charge.source = 'charge'
                      AND charge.status = 'succeeded')
    GROUP BY word.order_id, word.payment_intent
    UNION ALL
    SELECT refund.refund_id, 'refund', refund.order_id, refund.amount, refund.currency, refund.updated_at,
           CASE WHEN refund.status = 'succeeded' THEN ARRAY[-1]
                WHEN refund.status IN ('failed', 'canceled') THEN ARRAY[0]
                ELSE ARRAY[-1, 0] END
    FROM orders_refund refund JOIN orders_order o ON o.id = refund.order_id
    WHERE o.account = %(account)s AND o.livemode = %(livemode)s
    UNION ALL
    SELECT dispute.dispute_id, 'dispute', dispute.order_id, dispute.amount, dispute.currency, dispute.updated_at,
           CASE WHEN dispute.status IN ('needs_response', 'under_review', 'lost') THEN ARRAY[-1] ELSE ARRAY[0] END
    FROM orders_dispute dispute JOIN orders_order o ON o.id = dispute.order_id
    WHERE o.account = %(account)s AND o.livemode = %(livemode)s
"""

DECIMALS = "CASE WHEN {0} = ANY(%(zero)s) THEN 0 WHEN {0} = ANY(%(three)s) THEN 3 ELSE 2 END"
# Stripe's description leaves open whether a rate is one of minor or of major units; both are the same for most
# currencies. Rates have six digits, so that beyond some thousands they can't say it to the minor unit.
CONVERTED = "ours.amount * line.exchange_rate::numeric"
SHIFTED = f"{CONVERTED} * power(10::numeric, {DECIMALS.format('line.currency')} - {DECIMALS.format('ours.currency')})"
ROUNDING = "GREATEST(1, abs(line.amount) * 0.000005)"
FITS = f"""
    CASE WHEN ours.object_id IS NULL OR line.id IS NULL THEN true
         WHEN line.exchange_rate = '' THEN line.currency = ours.currency AND abs(line.amount) = ours.amount
         ELSE abs(abs(line.amount) - {CONVERTED}) <= {ROUNDING} OR abs(abs(line.amount) - {SHIFTED}) <= {ROUNDING} END
"""

LINES = """
    SELECT * FROM finance_balancetransaction
    WHERE account = %(account)s AND livemode = %(livemode)s AND is_listed
"""

DISAGREEING = f"""
    WITH ours AS ({OURS}),
    line AS ({LINES} AND category = ANY(%(categories)s) AND created_at >= %(begin)s),
    pairs AS (
        SELECT COALESCE(ours.object_id, line.source) AS object_id,
               COALESCE(ours.movement, min({MOVEMENT})) AS movement,
               ours.order_id, ours.amount * ours.signs[1] AS our_amount, ours.currency AS our_currency, ours.moved_at,
               ours.signs, count(line.id) AS lines, sum(line.amount)::bigint AS their_amount,
               min(line.currency) AS their_currency, COALESCE(sum(sign(line.amount)), 0)::int AS sign,
               max(line.created_at) AS created_at, max(line.payout) AS payout, bool_and({FITS}) AS fits
        FROM ours FULL JOIN line ON line.source = ours.object_id
        GROUP BY COALESCE(ours.object_id, line.source), ours.movement, ours.order_id, ours.amount, ours.currency,
                 ours.moved_at, ours.signs
    )
    SELECT object_id, movement, order_id, our_amount, our_currency, moved_at, their_amount, their_currency,
           created_at, payout, fits
    FROM pairs
    WHERE order_id IS NULL OR NOT sign = ANY(signs) OR NOT fits
    ORDER BY object_id
"""  # noqa: S608 put together from the constants above

FEES = f"""
    SELECT id, source, {MOVEMENT} AS movement, currency, created_at, payout, fee, first_fee, net, amount, itemized_fee
    FROM ({LINES}) line
    WHERE fee <> first_fee OR fee <> itemized_fee OR net <> amount - fee
    ORDER BY id
"""  # noqa: S608 as above

MONTHS = f"""
    SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, currency,
           CASE WHEN created_at < %(begin)s AND category NOT IN ('payout', 'payout_reversal') THEN 'other'
                ELSE {MOVEMENT} END AS movement,
           count(*) AS count, sum(amount)::bigint AS amount, sum(fee)::bigint AS fee, sum(net)::bigint AS net
    FROM ({LINES}) line
    WHERE NOT (source = ANY(%(excepted)s) OR id = ANY(%(excepted)s))
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
"""  # noqa: S608 as above

OWN_LINES = f"""
    SELECT payout.id, count(line.id) AS lines, COALESCE(sum(sign(line.amount)), 0)::int AS sign,
           COALESCE(bool_and(abs(line.amount) = payout.amount AND line.currency = payout.currency), true) AS fits,
           -sum(line.amount)::bigint AS paid
    FROM finance_payout payout
    LEFT JOIN ({LINES} AND category IN ('payout', 'payout_reversal')) line ON line.source = payout.id
    WHERE payout.account = %(account)s AND payout.livemode = %(livemode)s
    GROUP BY payout.id
"""  # noqa: S608 as above

ITEMS = f"""
    SELECT payout AS id, sum(net)::bigint AS net, sum(first_net)::bigint AS first_net
    FROM ({LINES}) line
    WHERE payout <> '' AND source <> payout
    GROUP BY payout
"""  # noqa: S608 as above

# What became available between one payout and the next; what a payout took itself counts when it was made.
AVAILABLE = f"""
    SELECT currency, width_bucket(available_at, %(moments)s::timestamptz[]) AS number, sum(net)::bigint AS net,
           sum(first_net)::bigint AS first_net
    FROM ({LINES}) line
    WHERE category <> 'payout'
    GROUP BY 1, 2
"""  # noqa: S608 as above

ORDERS_OF_CHARGES = """
    SELECT source_id AS charge, min(order_id) AS order_id FROM orders_payment
    WHERE source_id = ANY(%(charges)s) AND account = %(account)s
    GROUP BY 1
"""


@dataclass(frozen=True)
class Books:
    """The books of one account in one mode."""

    account: str
    livemode: bool

    @cached_property
    def begin(self) -> datetime:
        """When our first order was made, a little earlier since clocks differ."""
        first = Order.objects.filter(account=self.account, livemode=self.livemode).order_by("pk").first()
        return first.drafted_at - CLOCK_SKEW if first and first.drafted_at else datetime.max.replace(tzinfo=UTC)

    def disagreeing(self) -> Iterator[dict[str, Any]]:
        """Charges, refunds and disputes of which Stripe's books and our orders say different things.

        What is older than our first order is no business of ours.
        """
        categories = [name for movement in OF_ORDERS for name in CATEGORIES[movement]]
        return self._read(
            DISAGREEING, begin=self.begin, categories=categories, zero=sorted(ZERO_DECIMAL), three=sorted(THREE_DECIMAL)
        )

    def odd_fees(self) -> Iterator[dict[str, Any]]:
        """Lines whose fee is another than when it was first read, or than its parts, or than amount and net say."""
        return self._read(FEES)

    def months(self, excepted: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Sums by month, currency and movement, without these objects and lines."""
        return self._read(MONTHS, begin=self.begin, excepted=list(excepted))

    def own_lines(self) -> dict[str, dict[str, Any]]:
        """By payout, its own lines: how many, whether money went (-1) or came back, whether each is of its amount."""
        return {row["id"]: row for row in self._read(OWN_LINES)}

    def items(self) -> dict[str, dict[str, Any]]:
        """By automatic payout, the net sums of what it took along: as it is, and as it was first read."""
        return {row["id"]: row for row in self._read(ITEMS)}

    def available(self, moments: list[datetime]) -> Iterator[dict[str, Any]]:
        """By currency, what became available before the first of these moments (0), before the second (1) …"""
        return self._read(AVAILABLE, moments=moments)

    def orders_of(self, charges: list[str]) -> dict[str, int]:
        if not charges:
            return {}
        return {row["charge"]: row["order_id"] for row in self._read(ORDERS_OF_CHARGES, charges=charges)}

    def _read(self, statement: str, **values: Any) -> Iterator[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"account": self.account, "livemode": self.livemode, **values})
            names = [column.name for column in cursor.description or ()]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
