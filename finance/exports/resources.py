"""What can be exported, and its columns. The heads are names for programs: they are not translated, and don't change.

An amount stands twice: in minor units, and as `…_major` in those that people write.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db.models import Model, QuerySet
from import_export.fields import Field
from import_export.resources import Resource

from core.money import major_units
from finance.exports.cells import Cell
from finance.models import LedgerLine, ReconciliationException
from orders.models import Order


def told(tell: Callable[[Any], Cell]) -> Field:
    """A column of what a function says of a row."""
    return Field(dehydrate_method=tell)


def value(attribute: str) -> Field:
    """A text, or a number that stays one."""
    return told(attrgetter(attribute))


def moment(attribute: str) -> Field:
    """ISO 8601, UTC, to the second: `2026-11-25T12:03:10Z`."""

    def tell(row: Any) -> str:
        at: datetime | None = getattr(row, attribute)
        return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""

    return told(tell)


def major(attribute: str) -> Field:
    """An amount with the decimals of its currency: a Decimal, `10.50`."""

    def tell(row: Any) -> Decimal:
        return major_units(getattr(row, attribute), row.currency)

    return told(tell)


def major_of(side: str) -> Field:
    """As `major`, of the amount of one side of an exception, which may have none."""

    def tell(row: Any) -> Decimal | None:
        amount: int | None = getattr(row, f"{side}_amount")
        return None if amount is None else major_units(amount, getattr(row, f"{side}_currency"))

    return told(tell)


def mode(row: Order | LedgerLine | ReconciliationException) -> str:
    return "live" if row.livemode else "test"


class OrderResource(Resource):
    """One row for each order, in the order of their numbers."""

    id = value("id")
    state = value("state")
    dispute_state = value("dispute_state")
    account = value("account")
    mode = told(mode)
    currency = value("currency")
    subtotal = value("subtotal")
    subtotal_major = major("subtotal")
    discount = value("discount")
    discount_major = major("discount")
    tax = value("tax")
    tax_major = major("tax")
    total = value("total")
    total_major = major("total")
    received = value("received")
    received_major = major("received")
    refunded = value("refunded")
    refunded_major = major("refunded")
    surplus = value("surplus")
    surplus_major = major("surplus")
    attention = told(lambda order: " ".join(order.attention))
    drafted = moment("drafted_at")
    placed = moment("placed_at")
    paid = moment("paid_at")
    canceled = moment("canceled_at")
    items = told(lambda order: "; ".join(f"{line.quantity} x {line.name}" for line in order.lines.all()))


class LedgerLineResource(Resource):
    """One row for each movement of money: what is debited to one account and credited to the other is the same."""

    line = value("id")
    month = told(lambda line: f"{line.month:%Y-%m}")
    adjustment = told(lambda line: "true" if line.is_adjustment else "false")
    happened_at = moment("happened_at")
    movement = value("movement")
    order = value("order_id")
    account = value("account")
    mode = told(mode)
    object = value("object_id")
    currency = value("currency")
    debit_account = value("debit")
    credit_account = value("credit")
    debit = value("amount")
    debit_major = major("amount")
    credit = value("amount")
    credit_major = major("amount")
    position = value("position")


class ReconciliationExceptionResource(Resource):
    """One row for each object that the books disagree about; amounts are signed, and empty where a side has none."""

    account = value("reconciliation_id")
    mode = told(mode)
    kind = value("kind")
    movement = value("movement")
    object = value("object_id")
    order = value("order_id")
    our_amount = value("our_amount")
    our_amount_major = major_of("our")
    our_currency = value("our_currency")
    their_amount = value("their_amount")
    their_amount_major = major_of("their")
    their_currency = value("their_currency")
    month = value("month")
    payout = value("payout")
    found = moment("found_at")
    settled = moment("settled_at")


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is exported under a name: rows of `model` as `resource` tells them, with what they are read with."""

    model: type[Model]
    resource: type[Resource]
    prefetch: tuple[str, ...] = ()
    rows_at_once: int = 1000

    @property
    def heads(self) -> list[str]:
        return list(self.resource().get_export_headers())

    def rows(self, chosen: QuerySet[Any]) -> Iterator[Sequence[Cell]]:
        """Oldest first, by a cursor of the database's: what was there when it was opened, and in no transaction.

        `chosen` says which rows, no more: a list may have joined, deferred or annotated what an export has no use for.
        """
        # As `export_resource` does it, which looks for every field by its name in every row.
        columns = [field.dehydrate_method for field in self.resource().get_export_fields()]
        rows = self.model._default_manager.filter(pk__in=chosen.order_by().values("pk"))
        for row in rows.order_by("pk").prefetch_related(*self.prefetch).iterator(chunk_size=self.rows_at_once):
            yield [tell(row) for tell in columns]
            # A row and what was prefetched for it hold each other; apart they go at once, not with the next collection.
            vars(row).pop("_prefetched_objects_cache", None)


# By the name of the file. A model that is added here gets its buttons by a template of its list: see
# finance/templates/finance/export_buttons.html.
exports: dict[str, Export] = {
    "orders": Export(model=Order, resource=OrderResource, prefetch=("lines",)),
    "ledger": Export(model=LedgerLine, resource=LedgerLineResource),
    "exceptions": Export(model=ReconciliationException, resource=ReconciliationExceptionResource),
}
