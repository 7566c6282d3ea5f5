"""How the order ended, to be compared: with what the story says, and column by column between sequences."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Model

from billing.services import open_calls, sweep_open_calls
from core.eventlog.replay import check_rows
from core.eventlog.verify import verify_log
from orders.models import Checkout, Dispute, Order, Payment, Refund, Review
from tests.convergence.stories import End
from webhooks.models import Delivery, DeliveryState
from webhooks.services import retry_deliveries

FIGURES = ("state", "dispute_state", "received", "refunded", "surplus")
UNDONE = (DeliveryState.RECEIVED, DeliveryState.FAILED, DeliveryState.REFUSED)

type Columns = dict[str, Any]


class Ending(NamedTuple):
    """`rows` are the columns of everything below the order by primary key, which Stripe's ids are part of.

    `problems` must be none.
    """

    end: End
    rows: dict[str, Columns]
    problems: tuple[str, ...]

    def differences(self, other: "Ending") -> list[str]:
        """Where this one is not what the other is."""
        mine, theirs = self.told(), other.told()
        keys = sorted(mine.keys() | theirs.keys())
        found = [f"{key}: {mine.get(key)}, not {theirs.get(key)}" for key in keys if mine.get(key) != theirs.get(key)]
        return found + [problem for problem in self.problems if problem not in other.problems]

    def told(self) -> Columns:
        columns = {f"{key} {name}": value for key, row in self.rows.items() for name, value in row.items()}
        return figures_of(self.end) | columns


def figures_of(end: End) -> Columns:
    return {name: getattr(end, name) for name in end.__struct_fields__}


def read_ending(order_id: int) -> Ending:
    """After the jobs that follow deliveries have run: refused ones are read again, open calls are settled."""
    retry_deliveries()
    sweep_open_calls(older_than=timedelta())
    order = Order.objects.get(pk=order_id)
    rows: dict[type[Model], list[Any]] = {
        model: list(model._default_manager.filter(order_id=order_id).order_by("pk"))
        for model in (Checkout, Payment, Refund, Dispute, Review)
    }
    end = End(
        **{name: getattr(order, name) for name in FIGURES},
        attention=tuple(order.attention),
        checkouts=in_words(checkout.state for checkout in rows[Checkout]),
        payments=in_words(f"{one.source} {one.status} {one.amount} {one.currency}" for one in rows[Payment]),
        refunds=in_words(f"{one.status} {one.amount}" for one in rows[Refund]),
        disputes=in_words(f"{one.status} {one.amount}" for one in rows[Dispute]),
        reviews=in_words("open" if review.is_open else "closed" for review in rows[Review]),
        waiting=Delivery.objects.filter(state=DeliveryState.WAITING).count(),
    )
    columns = {f"{model.__name__} {row.pk}": columns_of(row) for model, found in rows.items() for row in found}
    return Ending(end, columns, tuple(problems()))


def in_words(rows: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(rows))


def columns_of(row: Model) -> Columns:
    """Every column but the times at which we heard of something: those are not the same in any two sequences."""
    names = (field.attname for field in row._meta.concrete_fields)
    return {name: getattr(row, name) for name in names if not name.endswith("_at")}


def problems() -> Iterator[str]:
    """What may be wrong whatever the end is."""
    for finding in (*check_rows(), *verify_log()):
        yield str(finding.as_json())
    for delivery in Delivery.objects.filter(state__in=UNDONE).defer("payload"):
        yield f"{delivery.type} is {delivery.state}: {delivery.reason}"
    for call in open_calls():
        yield f"{call.operation} is {call.state}: {call.reason}"
