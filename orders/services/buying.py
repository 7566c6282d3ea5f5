"""The Buy button: one unit of one item, at once."""

from django.db import transaction
from django.utils.translation import get_language

from billing.models import StripeCall
from orders.decisions.basket import decide_item
from orders.decisions.placing import decide_placing
from orders.models import Checkout, Item, Order, OrderState
from orders.quote import quote_order
from orders.selectors import item_by_id
from orders.services.canceling import cancel_order
from orders.services.checkout import counterparts_of, finish_opening, intend_session, open_checkout
from orders.services.drafting import begin_draft, until_alone
from orders.services.refusals import refusals_on_record


@refusals_on_record
def buy_item(*, shopper_id: str, item_id: int) -> Checkout:
    """This shopper's checkout of one unit: of the order that is waiting to be paid, or of a new one.

    Raises NotFound, CurrencyNotServed, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    item = item_by_id(item_id)
    return until_alone(lambda: open_purchase(shopper_id, item))


def open_purchase(shopper_id: str, item: Item) -> Checkout:
    waiting = waiting_purchase(shopper_id, item)
    if waiting is not None and is_outdated(waiting, item):
        cancel_order(order_id=waiting.pk, reason="price_changed")
    elif waiting is not None:
        return open_checkout(order_id=waiting.pk)
    order_id, call = place_purchase(shopper_id, item)
    return finish_opening(call, order_id)


def waiting_purchase(shopper_id: str, item: Item) -> Order | None:
    waiting = Order.objects.filter(
        shopper_id=shopper_id, buy_item_id=item.pk, state__in=[OrderState.DRAFT, OrderState.PENDING]
    )
    return waiting.first()


def is_outdated(waiting: Order, item: Item) -> bool:
    """At a price, or with taxes, that are not the item's any more: nobody is charged what the page didn't show."""
    [line] = waiting.lines.all()
    was = line.unit_amount, waiting.currency, line.tax_terms
    return was != (item.price, item.currency, item.tax_terms)


def place_purchase(shopper_id: str, item: Item) -> tuple[int, StripeCall]:
    """Place the order and put the call that opens its checkout on record, in one transaction."""
    order = begin_draft(shopper_id=shopper_id, currency=item.currency, buy_item=item.pk)
    order.record(*decide_item(order, item, 1, item.tax_terms))
    order.record(decide_placing(order, quote_order(order.root, order.lines), language=get_language() or "en"))
    counterparts = counterparts_of(order.root, order.lines)
    with transaction.atomic(durable=True):
        # Stored before the call is on record, so that a second tab's purchase is refused by the constraint at once.
        order.save()
        call = intend_session(order, counterparts)
    return order.root.pk, call
