"""The Buy button: one unit of one item, at once."""

from typing import NamedTuple

from django.utils.translation import get_language

from billing.models import StripeCall, Tax
from billing.quotes import TaxTerms
from core.pipeline import Statement
from core.refusals import NotFound
from core.rows import rows_from, rows_in_json, select_rows
from core.trips import ask, transaction_in_trips
from orders.decisions.basket import decide_item
from orders.decisions.placing import decide_placing
from orders.models import Checkout, Item, Order, OrderLine, terms_of
from orders.projections import OrderAggregate
from orders.quote import quote_order
from orders.services.canceling import cancel_order
from orders.services.checkout import counterparts_of, finish_opening, intend_session, open_checkout
from orders.services.drafting import NEXT_ORDER_ID, begin_draft, until_alone
from orders.services.refusals import refusals_on_record

# As the unique index has it.
WAITING = "shopper_id = %s AND buy_item_id = %s AND state IN ('draft', 'pending')"
ITS_TAXES = "id IN (SELECT tax_id FROM orders_item_taxes WHERE item_id = %s)"
ITS_LINES = f"order_id IN (SELECT id FROM orders_order WHERE {WAITING})"  # noqa: S608 our own text
# Drawn for an order that will be, and for no other.
DRAWN_UNLESS_WAITING = (
    f"{NEXT_ORDER_ID} FROM orders_item WHERE id = %s AND NOT EXISTS (SELECT FROM orders_order WHERE {WAITING})"
)


class Purchase(NamedTuple):
    """An item at what it costs now; this shopper's order of it that waits to be paid, else the id of a new one."""

    item: Item
    taxes: tuple[TaxTerms, ...]
    waiting: OrderAggregate | None
    order_id: int | None

    @property
    def is_outdated(self) -> bool:
        """At a price, or with taxes, that are not the item's any more: nobody is charged what the page didn't show."""
        if self.waiting is None:
            return False
        [line] = self.waiting.lines
        was = line.unit_amount, self.waiting.root.currency, line.tax_terms
        return was != (self.item.price, self.item.currency, self.taxes)


@refusals_on_record
def buy_item(*, shopper_id: str, item_id: int) -> Checkout:
    """This shopper's checkout of one unit: of the order that is waiting to be paid, or of a new one.

    Raises NotFound, CurrencyNotServed, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    return until_alone(lambda: open_purchase(shopper_id, item_id))


def open_purchase(shopper_id: str, item_id: int) -> Checkout:
    purchase = read_purchase(shopper_id, item_id)
    if purchase.waiting is not None:
        if not purchase.is_outdated:
            return open_checkout(order_id=purchase.waiting.root.pk)
        cancel_order(order_id=purchase.waiting.root.pk, reason="price_changed")
    order_id, call = place_purchase(shopper_id, purchase)
    return finish_opening(call, order_id)


def read_purchase(shopper_id: str, item_id: int) -> Purchase:
    """In one trip. Raises NotFound."""
    key = (shopper_id, item_id)
    lines = rows_in_json(OrderLine, Statement(ITS_LINES, key))
    items, taxes, waiting, [below], drawn = ask(
        select_rows(Item, Statement("id = %s", (item_id,))),
        select_rows(Tax, Statement(ITS_TAXES, (item_id,))),
        select_rows(Order, Statement(WAITING, key)),
        lines._replace(sql=f"SELECT {lines.sql}"),
        Statement(DRAWN_UNLESS_WAITING, (item_id, *key)),
    )
    for item in rows_from(Item, items):
        return Purchase(
            item=item,
            taxes=terms_of(rows_from(Tax, taxes)),
            waiting=OrderAggregate.loaded(waiting, below, (OrderLine,)),
            order_id=next((order_id for (order_id,) in drawn), None),
        )
    raise NotFound


def place_purchase(shopper_id: str, purchase: Purchase) -> tuple[int, StripeCall]:
    """Place the order and put the call that opens its checkout on record, in one transaction."""
    item = purchase.item
    order = begin_draft(shopper_id=shopper_id, currency=item.currency, buy_item=item.pk, order_id=purchase.order_id)
    order.record(*decide_item(order, item, 1, purchase.taxes))
    order.record(decide_placing(order, quote_order(order.root, order.lines), language=get_language() or "en"))
    counterparts = counterparts_of(order.root, order.lines)
    with transaction_in_trips():
        # Written before the call is, so that a second tab's purchase is refused by the constraint first.
        order.save()
        call = intend_session(order, counterparts, attempt=1)
    return order.root.pk, call
