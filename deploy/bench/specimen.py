"""What is measured: a delivery that pays an order, and copies of both, as many as are asked for."""

from typing import Any

import msgspec
import psycopg

ENDPOINT = "/webhooks/stripe/default/"
# The order's rows, and what of them a copy can't have by replacing texts.
ROWS = {
    "core_event": (
        "source.stream IN ('order-' || %(order)s, 'stripe-call-' || %(call)s)",
        "jsonb_build_object('position', nextval(pg_get_serial_sequence('core_event', 'position')))",
    ),
    "billing_stripecall": ("source.id = %(call)s::uuid", "'{}'"),
    "orders_order": ("source.id = %(order)s::bigint", "'{}'"),
    "orders_orderline": ("source.order_id = %(order)s::bigint", "'{}'"),
    "orders_checkout": ("source.order_id = %(order)s::bigint", "'{}'"),
}
CALL_OF = "00000000-0000-4000-8000-"
COPY = """
    INSERT INTO {table} SELECT made.* FROM {table} AS source,
        generate_series(%(first)s::bigint, %(last)s::bigint) AS number,
        replace(replace(to_jsonb(source)::text, %(call)s, %(call_of)s || number), %(order)s, number::text) AS copy,
        jsonb_populate_record(NULL::{table}, copy::jsonb || {own}) AS made
    WHERE {condition}
"""


class Specimen(msgspec.Struct):
    """An order that waits to be paid, the delivery that pays it, and the SQL that this takes.

    The order's number is twelve digits that occur nowhere else, and its call's id is as unmistakable: a copy is made by
    replacing the two, whatever the text. `event` is the id of the delivery's event.
    """

    order: str
    call: str
    event: str
    payload: str
    statements: list[str]

    def copied(self, text: str, number: object) -> str:
        """The text for another order; `number` has twelve digits."""
        return text.replace(self.call, f"{CALL_OF}{number}").replace(self.order, str(number))

    def copy_rows(self, connection: psycopg.Connection[Any], numbers: range) -> None:
        """Make an order of each number."""
        values: dict[str, object] = {"order": self.order, "call": self.call, "call_of": CALL_OF}
        values |= {"first": numbers.start, "last": numbers.stop - 1}
        for table, (condition, own) in ROWS.items():
            connection.execute(COPY.format(table=table, condition=condition, own=own).encode(), values)
