"""The basket: this shopper's draft, changed and placed."""

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.utils.translation import get_language

from billing.accounts import account_of_currency
from billing.counterparts import Counterparts
from billing.models import StripeCall
from billing.selectors import current_discount, find_discount
from orders.decisions.basket import (
    BasketChanged,
    BasketEmpty,
    DiscountUnknown,
    decide_discount,
    decide_item,
    decide_refreshing,
    refuse_quantity,
)
from orders.decisions.placing import decide_placing
from orders.events import OrderCanceled, OrderLineSet, OrderTaxSet
from orders.models import Checkout, Item, Order, OrderState
from orders.projections import OrderAggregate
from orders.quote import quote_order
from orders.selectors import basket_of, item_by_id
from orders.services.checkout import counterparts_of, finish_opening, intend_session, open_checkout
from orders.services.drafting import begin_draft, until_alone
from orders.services.refusals import refusals_on_record

NO_COUNTERPARTS = Counterparts(coupons={}, tax_rates={})

type Then = Callable[[OrderAggregate], StripeCall | None]


def set_basket_item(*, shopper_id: str, item_id: int, quantity: int) -> None:
    """Put so many of an item into the basket, 0 takes it out.

    Raises NotFound, QuantityRefused, MixedCurrencies, CurrencyNotServed.
    """
    refuse_quantity(quantity)
    item = item_by_id(item_id)
    until_alone(lambda: change_item(shopper_id, item, quantity))


def change_item(shopper_id: str, item: Item, quantity: int) -> None:
    with transaction.atomic(durable=True):
        order = locked_basket(shopper_id)
        if order is not None and not order.lines and order.root.currency != item.currency:
            order.record(OrderCanceled(reason="emptied"))
            order.save()
            order = None
        if order is None and quantity == 0:
            return
        if order is None:
            order = begin_draft(shopper_id=shopper_id, currency=item.currency)
        elif quantity:
            order = at_its_account(order)
        order.record(*decide_item(order, item, quantity, item.tax_terms))
        order.save()


def set_basket_discount(*, shopper_id: str, code: str) -> None:
    """Take the discount with this code, whatever its case; an empty code takes none.

    Raises BasketEmpty, DiscountUnknown, DiscountNotApplicable.
    """
    terms = find_discount(code) if code.strip() else None
    with transaction.atomic(durable=True):
        order = locked_basket(shopper_id)
        if order is None:
            raise BasketEmpty
        if code.strip() and terms is None:
            raise DiscountUnknown
        order.record(*decide_discount(order, terms))
        order.save()


@refusals_on_record
def place_basket(*, shopper_id: str, then: Then = lambda _order: None) -> tuple[int, StripeCall | None]:
    """The order that the basket becomes, and the call that `then` puts on record in the same transaction.

    Pressed again, it is the order that the basket became, and no call. Raises BasketEmpty, BasketChanged,
    OrderNotPayable, CurrencyNotServed.
    """
    call = None
    with transaction.atomic(durable=True):
        order = locked_basket(shopper_id)
        if order is None or not order.lines:
            return waiting_order(shopper_id), None
        order = at_its_account(order)
        changed = refresh(order)
        if not changed:
            order.record(decide_placing(order, quote_order(order.root, order.lines), language=get_language() or "en"))
            call = then(order)
        order.save()
    if changed:
        raise BasketChanged
    return order.root.pk, call


def check_out_basket(*, shopper_id: str) -> Checkout:
    """Place the basket and open its checkout; pressed again, the checkout of the order that it became.

    Raises BasketEmpty, BasketChanged, OrderNotPayable, StripeRefused, StripeUnreachable.
    """
    refresh_basket(shopper_id)
    basket = basket_of(shopper_id)
    counterparts = counterparts_of(basket, basket.lines.all()) if basket else NO_COUNTERPARTS
    order_id, call = place_basket(
        shopper_id=shopper_id, then=partial(intend_session, counterparts=counterparts, attempt=1)
    )
    return finish_opening(call, order_id) if call else open_checkout(order_id=order_id)


def refresh_basket(shopper_id: str) -> None:
    """So that nothing is made at Stripe for terms that no longer hold. Raises BasketChanged, CurrencyNotServed."""
    with transaction.atomic(durable=True):
        order = locked_basket(shopper_id)
        if order is None:
            return
        order = at_its_account(order)
        changed = refresh(order)
        order.save()
    if changed:
        raise BasketChanged


def locked_basket(shopper_id: str) -> OrderAggregate | None:
    basket = basket_of(shopper_id)
    if basket is None:
        return None
    order = OrderAggregate.load_locked(basket.pk)
    return order if order.root.state == OrderState.DRAFT else None


def at_its_account(order: OrderAggregate) -> OrderAggregate:
    """The basket, begun anew where its currency goes to another account by now, or to keys of the other mode.

    Nobody has paid for a draft, and it could not be paid where it was begun. Raises CurrencyNotServed.
    """
    root = order.root
    account = account_of_currency(root.currency)
    if (root.account, root.livemode) == (account.name, account.livemode):
        return order
    anew = begin_draft(shopper_id=root.shopper_id, currency=root.currency)
    for line in order.lines:
        anew.record(
            OrderLineSet(item=line.item_id, name=line.name, quantity=line.quantity, unit_amount=line.unit_amount),
            OrderTaxSet(item=line.item_id, taxes=line.tax_terms),
        )
    anew.record(*decide_discount(anew, root.discount_applied))
    order.record(OrderCanceled(reason="account_changed"))
    order.save()  # before the other, since a shopper has one basket
    anew.save()
    return anew


def waiting_order(shopper_id: str) -> int:
    """The newest order that a basket of this shopper became and that is not paid yet; raises BasketEmpty."""
    placed = Order.objects.filter(shopper_id=shopper_id, buy_item_id=None, state=OrderState.PENDING)
    newest = placed.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        raise BasketEmpty
    return newest


def refresh(order: OrderAggregate) -> bool:
    """Bring the basket up to what the catalogue says now; whether that changed anything."""
    items = Item.objects.prefetch_related("taxes").in_bulk([line.item_id for line in order.lines])
    applied = order.root.discount_applied
    discount = current_discount(applied.discount) if applied else None
    taxes = {key: item.tax_terms for key, item in items.items()}
    facts = list(decide_refreshing(order, items, taxes, discount))
    order.record(*facts)
    return bool(facts)
