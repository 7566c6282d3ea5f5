"""`manage.py generate --orders 1000000`: orders and their events by the million, for measuring."""

import os
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.utils import timezone

from core.processes import pool_of
from finance.management.generating.books import generate_books
from orders.models import Order
from webhooks.management.generating.catalogue import load_assortment
from webhooks.management.generating.copying import Plan, generate_chunk

SPAN = timedelta(days=548)  # 18 months
PROGRESS_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Orders with their events, calls, deliveries, payouts and exceptions, the same for the same seed and --until. "
        "For measuring: in the demo alone, since the log keeps for ever what was written to it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=1_000_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--until", type=datetime.fromisoformat, help="nothing happens after it; now unless given")
        parser.add_argument("--add", action="store_true", help="even though there are orders already")
        parser.add_argument(
            "--orders-alone", action="store_true", help="without calls, deliveries, payment links and Stripe's books"
        )
        parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)

    def handle(
        self,
        *,
        orders: int,
        seed: int,
        until: datetime | None,
        add: bool,
        orders_alone: bool,
        processes: int,
        **_options: object,
    ) -> None:
        if not settings.DEMO:
            raise CommandError("only in the demo (COUNTERSIGN_DEMO=1): nothing takes generated orders away again")
        if Order.objects.exists() and not add:
            raise CommandError("there are orders already; --add puts the generated ones beside them")
        if orders < 1 or processes < 1:
            raise CommandError("--orders and --processes begin at 1")
        end = timezone.now() if until is None else until if until.tzinfo else until.replace(tzinfo=UTC)
        plan = Plan(
            orders=orders,
            first_id=reserve_order_ids(orders),
            seed=seed,
            begin=end - SPAN,
            end=end,
            with_stripe=not orders_alone,
            wares=load_assortment(),
        )
        started = time.monotonic()
        counts = self.generate(plan, processes)
        if plan.with_stripe:
            counts.update(generate_books(plan))
        self.stderr.write("generate: vacuum and statistics")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        for table, count in sorted(counts.items()):
            self.stdout.write(f"{table:<24}{count:>12}")
        self.stderr.write(f"generate: {orders} orders in {time.monotonic() - started:.0f} s")

    def generate(self, plan: Plan, processes: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        told = time.monotonic()
        for counted in chunks_written(plan, processes):
            counts.update(counted)
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                self.stderr.write(f"generate: {counts['orders_order']} of {plan.orders} orders")
        return counts


def reserve_order_ids(count: int) -> int:
    """The first of so many ids in a row, which nobody else will draw."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [Order._meta.db_table])
        [sequence] = cursor.fetchone()
        # Whoever draws an id waits until this transaction ends. Source: PostgreSQL's documentation, ALTER SEQUENCE.
        cursor.execute(f"ALTER SEQUENCE {sequence} INCREMENT BY 1")
        cursor.execute("SELECT nextval(%s)", [sequence])
        [first] = cursor.fetchone()
        cursor.execute("SELECT setval(%s, %s)", [sequence, first + count - 1])
        return int(first)


def chunks_written(plan: Plan, processes: int) -> Iterator[dict[str, int]]:
    if processes == 1:
        yield from map(partial(generate_chunk, plan), plan.chunks())
        return
    with pool_of(processes) as pool:
        yield from pool.map(partial(generate_chunk, plan), plan.chunks())
