"""How the order ended, to be compared: with what the story says, and column by column between sequences."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Model

from billing.services import sweep_open_calls
from core.eventlog.replay import rows_of
from orders.models import Order
from orders.projections import OrderAggregate
from tests.convergence.checking import problems, problems_of
from tests.convergence.stories import End
from webhooks.models import Delivery, DeliveryState
from webhooks.services import retry_deliveries

FIGURES = ("state", "dispute_state", "received", "refunded", "surplus")
# What is settled may have put another call on record.
SWEEPS = 3
# Not the same in any two sequences: when we heard of something, and where the order's stream ends.
VARYING = ("_at", "stream_version", "stream_digest")

type Columns = dict[str, Any]


class Ending(NamedTuple):
    """`rows` are the columns of the order and of everything below it by primary key, which Stripe's ids are part of.

    `problems` must be none.
    """

    end: End
    rows: dict[str, Columns]
    problems: tuple[str, ...]

    def differences(self, other: "Ending") -> list[str]:
        """Where this one is not what the other is."""
        found = differing(self.told(), other.told())
        return found + [problem for problem in self.problems if problem not in other.problems]

    def wrongs(self, wanted: End) -> list[str]:
        """Where it is not what a story says, and what is wrong whatever it says."""
        return [*differing(figures_of(self.end), figures_of(wanted)), *self.problems]

    def told(self) -> Columns:
        columns = {f"{key} {name}": value for key, row in self.rows.items() for name, value in row.items()}
        return figures_of(self.end) | columns


def differing(mine: Columns, theirs: Columns) -> list[str]:
    keys = sorted(mine.keys() | theirs.keys())
    return [f"{key}: {mine.get(key)}, not {theirs.get(key)}" for key in keys if mine.get(key) != theirs.get(key)]


def figures_of(end: End) -> Columns:
    return {name: getattr(end, name) for name in end.__struct_fields__}


def read_ending(order_id: int, *, thorough: bool) -> Ending:
    """After the jobs that follow deliveries have run: refused ones are read again, open calls are settled.

    `thorough`: all streams are checked, not the order's alone.
    """
    retry_deliveries()
    for _ in range(SWEEPS):
        if not sweep_open_calls(older_than=timedelta()):
            break
    order = OrderAggregate(Order.objects.get(pk=order_id), stored=True)
    end = End(
        **{name: getattr(order.root, name) for name in FIGURES},
        attention=tuple(order.root.attention),
        checkouts=in_words(checkout.state for checkout in order.checkouts),
        payments=in_words(f"{one.source} {one.status} {one.amount} {one.currency}" for one in order.payments),
        refunds=in_words(f"{one.status} {one.amount}" for one in order.refunds),
        disputes=in_words(f"{one.status} {one.amount}" for one in order.disputes),
        reviews=in_words("open" if review.is_open else "closed" for review in order.reviews),
        waiting=Delivery.objects.filter(state=DeliveryState.WAITING).count(),
    )
    models: list[type[Model]] = [order.root_model, *order.child_models]
    rows = [row for model in models for row in rows_of(order, model)]
    columns = {f"{type(row).__name__} {row.pk}": columns_of(row) for row in rows}
    return Ending(end, columns, tuple(problems() if thorough else problems_of(order)))


def in_words(rows: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(rows))


def columns_of(row: Model) -> Columns:
    names = (field.attname for field in row._meta.concrete_fields)
    return {name: getattr(row, name) for name in names if not name.endswith(VARYING)}
