"""The basket: a draft order of one currency, kept in step with the catalogue until it is placed."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from django.utils.translation import gettext_noop as _

from billing.quotes import DiscountTerms, TaxTerms
from core.money import format_money
from core.refusals import Refusal
from orders.events import OrderDiscountSet, OrderLineSet, OrderTaxSet
from orders.models import Item
from orders.projections import OrderAggregate

MOST_OF_AN_ITEM = 999


class QuantityRefused(Refusal):
    """A line holds from 1 to 999 units; 0 takes it away."""

    code = "quantity_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("The quantity must be a whole number from 0 to {most}.")


class MixedCurrencies(Refusal):
    """All lines of an order share one currency, since one Stripe account is paid."""

    code = "mixed_currencies"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _(
        "{name} is priced in {currency} and your basket in {basket}: they can't be paid together. "
        "Pay for your basket first, or take its items out."
    )


class BasketEmpty(Refusal):
    """There is nothing to pay or to take a discount off."""

    code = "basket_empty"
    status = HTTPStatus.CONFLICT
    message = _("Your basket is empty. Put something in first.")


class BasketChanged(Refusal):
    """Prices, taxes or the discount are others than the shopper was shown; the basket shows the new ones now."""

    code = "basket_changed"
    status = HTTPStatus.CONFLICT
    message = _("Prices or discounts have changed since you filled your basket. Look at the new total, then pay.")


class DiscountUnknown(Refusal):
    """No discount has this code, or no longer."""

    code = "discount_unknown"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("We know no discount with this code. Check its spelling.")


class DiscountNotApplicable(Refusal):
    """An amount can only be taken off an order of its own currency."""

    code = "discount_not_applicable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("This code takes {amount} off orders in {currency}, and your basket is in {basket}.")


def refuse_quantity(quantity: int) -> None:
    if not 0 <= quantity <= MOST_OF_AN_ITEM:
        raise QuantityRefused(most=MOST_OF_AN_ITEM)


def decide_item(order: OrderAggregate, item: Item, quantity: int, taxes: tuple[TaxTerms, ...]) -> Iterator[object]:
    """Set how many of an item are in the basket; nothing when that is so already."""
    refuse_quantity(quantity)
    known = next((line for line in order.lines if line.item_id == item.pk), None)
    if quantity == 0:
        if known is not None:
            yield OrderLineSet(item=item.pk, name=known.name, quantity=0, unit_amount=known.unit_amount)
        return
    if item.currency != order.root.currency:
        raise MixedCurrencies(
            name=item.name, currency=item.currency.upper(), basket=order.root.currency.upper(), item=item.pk
        )
    wanted = (item.name, quantity, item.price)
    if known is None or (known.name, known.quantity, known.unit_amount) != wanted:
        yield OrderLineSet(item=item.pk, name=item.name, quantity=quantity, unit_amount=item.price)
    if taxes != (known.tax_terms if known else ()):
        yield OrderTaxSet(item=item.pk, taxes=taxes)


def decide_discount(order: OrderAggregate, terms: DiscountTerms | None) -> Iterator[object]:
    """Set the one discount of the basket, or take it away."""
    if terms is not None and terms.currency not in {None, order.root.currency}:
        raise DiscountNotApplicable(
            amount=format_money(terms.amount_off or 0, terms.currency or ""),
            currency=(terms.currency or "").upper(),
            basket=order.root.currency.upper(),
        )
    if terms != order.root.discount_applied:
        yield OrderDiscountSet(terms=terms)


def decide_refreshing(
    order: OrderAggregate,
    items: Mapping[int, Item],
    taxes: Mapping[int, tuple[TaxTerms, ...]],
    discount: DiscountTerms | None,
) -> Iterator[object]:
    """What the catalogue says otherwise by now, of each line; an item that is priced in another currency now goes, and
    so does a discount that is an amount in another.
    """
    for line in order.lines:
        item = items[line.item_id]
        quantity = line.quantity if item.currency == order.root.currency else 0
        yield from decide_item(order, item, quantity, taxes[item.pk])
    is_applicable = discount is not None and discount.currency in {None, order.root.currency}
    yield from decide_discount(order, discount if is_applicable else None)
