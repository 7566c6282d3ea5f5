"""What generated orders buy."""

from dataclasses import dataclass

from billing.accounts import CurrencyNotServed, account_of_currency
from core.money import step
from orders.models import Item

# Currency -> how many items are priced in it; prices are spread between the two amounts, in minor units.
ASSORTMENT = {"usd": (70, 900, 24900), "eur": (40, 900, 19900), "gbp": (8, 900, 14900), "jpy": (12, 800, 38000)}
NAMES = ("Mug", "Tote", "Notebook", "Blanket", "Knife", "Kettle", "Cookbook", "Sheepskin", "Apron", "Lantern")


@dataclass(frozen=True, kw_only=True)
class Ware:
    """An item with whom its payment goes to; `price` in minor units."""

    item: int
    name: str
    price: int
    currency: str
    account: str
    livemode: bool


def load_assortment() -> list[Ware]:
    """The wares of every currency that an account serves, made where they are missing."""
    wares = []
    for currency, (count, least, most) in ASSORTMENT.items():
        try:
            account = account_of_currency(currency)
        except CurrencyNotServed:
            continue
        for number in range(count):
            price = (least + (most - least) * number // count) // step(currency) * step(currency)
            name = f"{NAMES[number % len(NAMES)]} {currency.upper()} {number + 1}"
            item, _ = Item.objects.get_or_create(name=name, defaults={"price": price, "currency": currency})
            ware = Ware(
                item=item.pk,
                name=item.name,
                price=item.price,
                currency=item.currency,
                account=account.name,
                livemode=account.livemode,
            )
            wares.append(ware)
    return wares
