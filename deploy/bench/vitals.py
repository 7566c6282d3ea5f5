"""What would grow where something leaks or bloats: read from /proc, and from PostgreSQL's own statistics."""

import os
import statistics
from typing import NamedTuple

import psycopg

from deploy.bench.cpu import PROC, children_of, seconds_of_tree
from deploy.bench.footprint import memory_of

# Those that a delivery writes to.
TABLES = [
    "billing_stripecall",
    "core_event",
    "orders_checkout",
    "orders_contact",
    "orders_order",
    "orders_orderline",
    "orders_payment",
    "webhooks_delivery",
    "webhooks_paymentlink",
]
# Who looks at it is not of it.
OBSERVER = "soak"
CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> %s
"""
# The share of the dead is that of the worst table. What is new is in no statistics before its transaction has ended.
STORED = """
    SELECT sum(pg_total_relation_size(relid))::bigint,
        max(n_dead_tup::float / greatest(n_live_tup + n_dead_tup, 1)),
        sum(n_tup_upd) FILTER (WHERE relname = 'orders_order')::bigint,
        sum(n_tup_hot_upd) FILTER (WHERE relname = 'orders_order')::bigint
    FROM pg_stat_user_tables WHERE relname = ANY (%s)
"""
ORDERS = "SELECT count(*) FROM orders_order"


class Stored(NamedTuple):
    """`size` in bytes, with indexes; `dead`: the share of dead rows in the table that has most of them; updates of
    orders, and of these such as touched no index (HOT).
    """

    size: int
    dead: float
    updates: int
    hot_updates: int
    orders: int


class Vitals(NamedTuple):
    """`resident` and `share` (PSS) are MB of a web worker, on average; `descriptors` are the open files of all workers,
    those of their `connections` to PostgreSQL among them.
    """

    resident: float
    share: float
    descriptors: int
    connections: int
    stored: Stored


def seconds_of_machine() -> float:
    """Of CPU that all processes have used, and the kernel for them. Source: proc_stat(5)."""
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, (PROC / "stat").read_text().split()[1:9])
    return sum((user, nice, system, interrupts, soft_interrupts)) / os.sysconf("SC_CLK_TCK")


def seconds_of_others(postmaster: int | None) -> float:
    """What neither this process, nor what it started, nor this PostgreSQL has used."""
    ours = [os.getpid(), *([postmaster] if postmaster else [])]
    return seconds_of_machine() - seconds_of_tree(*ours)


def read_vitals(server: int, database_url: str) -> Vitals:
    """Of the workers below this process, and of the database."""
    workers = children_of(server)
    memory = [memory_of(worker) for worker in workers]
    with psycopg.connect(database_url, application_name=OBSERVER) as connection:
        [connections] = connection.execute(CONNECTIONS, [OBSERVER]).fetchone() or [0]
        size, dead, updates, hot = connection.execute(STORED, [TABLES]).fetchone() or (0, 0, 0, 0)
        [orders] = connection.execute(ORDERS).fetchone() or [0]
    return Vitals(
        resident=statistics.fmean(one.resident for one in memory),
        share=statistics.fmean(one.share for one in memory),
        descriptors=sum(len(list((PROC / str(worker) / "fd").iterdir())) for worker in workers),
        connections=connections,
        stored=Stored(size, dead, updates, hot, orders),
    )
