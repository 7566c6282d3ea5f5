"""Drafts: where every order begins, one basket for each shopper."""

from collections.abc import Callable

from django.db import IntegrityError, connection
from psycopg.errors import UniqueViolation

from billing.accounts import account_of_currency
from orders.decisions.placing import OrderNotPayable
from orders.events import OrderDrafted
from orders.models import Order
from orders.projections import OrderAggregate

TRIES = 3
NEXT_ORDER_ID = f"SELECT nextval(pg_get_serial_sequence('{Order._meta.db_table}', 'id'))"


def begin_draft(
    *, shopper_id: str, currency: str, buy_item: int | None = None, order_id: int | None = None
) -> OrderAggregate:
    """A new order, not stored yet, with an id that was drawn for it if there is one. Raises CurrencyNotServed."""
    account = account_of_currency(currency)
    order = OrderAggregate.begin(order_id or next_order_id())
    order.record(
        OrderDrafted(
            shopper_id=shopper_id,
            account=account.name,
            livemode=account.livemode,
            currency=currency,
            buy_item=buy_item,
        )
    )
    return order


def next_order_id() -> int:
    """Drawn before the order's first event, whose stream is named after it."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_ORDER_ID)
        return int(cursor.fetchone()[0])


def until_alone[Result](attempt: Callable[[], Result]) -> Result:
    """Try again what another request of this shopper did first: the next try finds what that one has made."""
    for _ in range(TRIES):
        try:
            return attempt()
        except IntegrityError as refused:
            if not isinstance(refused.__cause__, UniqueViolation):
                raise
    raise OrderNotPayable(order_id=None, reason="placed_in_another_tab")
