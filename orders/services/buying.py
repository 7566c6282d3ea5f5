"""The Buy button: one unit of one item, at once."""

from django.db import IntegrityError, connection, transaction
from psycopg.errors import UniqueViolation

from billing.accounts import account_of_currency
from billing.models import StripeCall
from core.refusals import NotFound
from orders.decisions.placing import OrderNotPayable, decide_placing
from orders.events import OrderDrafted, OrderLineSet
from orders.models import Checkout, Item, Order, OrderState
from orders.projections import OrderAggregate
from orders.quote import PricedItem, quote_lines
from orders.services.canceling import cancel_order
from orders.services.checkout import finish_opening, request_checkout
from orders.services.refusals import refusals_on_record

TRIES = 3


@refusals_on_record
def buy_item(*, shopper_id: str, item_id: int) -> Checkout:
    """This shopper's checkout of one unit: of the order that is waiting to be paid, or of a new one.

    Raises NotFound, CurrencyNotServed, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    item = Item.objects.filter(pk=item_id).first()
    if item is None:
        raise NotFound
    for _ in range(TRIES):
        outdated = outdated_purchase(shopper_id, item)
        if outdated is not None:
            cancel_order(order_id=outdated.pk, reason="price_changed")
        try:
            order_id, ready = place_purchase(shopper_id, item)
        except IntegrityError as refused:
            if not isinstance(refused.__cause__, UniqueViolation):
                raise
            # Another request of this shopper placed the same purchase first: the next round finds it.
            continue
        return ready if isinstance(ready, Checkout) else finish_opening(ready, order_id)
    raise OrderNotPayable(order_id=None, reason="placed_in_another_tab")


def waiting_purchase(shopper_id: str, item: Item) -> Order | None:
    waiting = Order.objects.filter(
        shopper_id=shopper_id, buy_item_id=item.pk, state__in=[OrderState.DRAFT, OrderState.PENDING]
    )
    return waiting.first()


def outdated_purchase(shopper_id: str, item: Item) -> Order | None:
    """A waiting purchase at a price that is not the item's any more: nobody is charged what the page didn't show."""
    waiting = waiting_purchase(shopper_id, item)
    is_current = waiting is None or (waiting.total, waiting.currency) == (item.price, item.currency)
    return None if is_current else waiting


def place_purchase(shopper_id: str, item: Item) -> tuple[int, Checkout | StripeCall]:
    """Place the order and put the call that opens its checkout on record, in one transaction."""
    with transaction.atomic(durable=True):
        waiting = waiting_purchase(shopper_id, item)
        order = OrderAggregate.load_locked(waiting.pk) if waiting else draft_purchase(shopper_id, item)
        ready = request_checkout(order)
        order.save()
    return order.root.pk, ready


def draft_purchase(shopper_id: str, item: Item) -> OrderAggregate:
    account = account_of_currency(item.currency)
    order = OrderAggregate.begin(next_order_id())
    order.record(
        OrderDrafted(
            shopper_id=shopper_id,
            account=account.name,
            livemode=account.livemode,
            currency=item.currency,
            buy_item=item.pk,
        ),
        OrderLineSet(item=item.pk, name=item.name, quantity=1, unit_amount=item.price),
    )
    quote = quote_lines(item.currency, [PricedItem(item.pk, item.name, 1, item.price)])
    order.record(decide_placing(order, quote))
    # Stored before the call is on record, so that a second tab's purchase is refused by the constraint at once.
    order.save()
    return order


def next_order_id() -> int:
    """Drawn before the order's first event, whose stream is named after it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [Order._meta.db_table])
        return int(cursor.fetchone()[0])
