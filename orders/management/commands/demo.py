"""`manage.py demo`: something to buy, discounts and taxes, and somebody to log in as."""

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError

from billing.models import Discount, Tax
from core.eventlog import provenance
from core.staff.roles import LEAD, OPERATOR, VIEWER
from orders.models import Item


class Ware(NamedTuple):
    name: str
    description: str
    price: int
    currency: str
    taxes: tuple[str, ...] = ()


CATALOGUE = [
    Ware("Enamel mug", "Holds 350 ml of something hot. Survives the campfire.", 1850, "usd"),
    Ware("Waxed canvas tote", "Carries the market home, in any weather.", 6400, "usd"),
    Ware("Field notebook, three", "Dot grid, 48 pages each, stitched so that they lie flat.", 1250, "usd"),
    Ware("Wool blanket", "Woven in Galicia from undyed wool, 140 x 200 cm.", 14900, "eur"),
    Ware("Pocket knife", "Olive wood and carbon steel, made in Thiers.", 5200, "eur"),
    Ware("Cast iron kettle", "From Morioka, 0.9 litres, enamelled inside.", 16500, "jpy"),
    Ware("Campfire cookbook", "Ninety recipes for one pot and an open fire.", 2450, "usd", ("Sales tax",)),
    Ware("Sheepskin", "From Gotland, tanned with bark.", 12900, "usd", ("VAT", "Recycling levy")),
    Ware("Linen apron", "Stonewashed, with a pocket for the recipe.", 4800, "eur", ("VAT", "Recycling levy")),
]
TAXES: dict[str, dict[str, Any]] = {
    "VAT": {"percentage": "20", "inclusive": True, "country": "FR", "jurisdiction": "France"},
    "Sales tax": {"percentage": "8.875", "inclusive": False, "country": "US", "jurisdiction": "US - NY"},
    "Recycling levy": {"percentage": "2.5", "inclusive": False},
}
DISCOUNTS: dict[str, dict[str, Any]] = {
    "SPRING15": {"name": "Spring sale", "percent_off": "15"},
    "FIVE": {"name": "Five dollars off", "amount_off": 500, "currency": "usd"},
    "ONTHEHOUSE": {"name": "On the house", "percent_off": "100"},
}


FINANCE = {"viewer": VIEWER, "operator": OPERATOR, "lead": LEAD}


class Command(BaseCommand):
    help = (
        "Load the demo catalogue, its discounts and taxes, and make those who log in, as far as they are not there yet."
    )

    def handle(self, **_options: object) -> None:
        if not settings.SUPERUSER_PASSWORD:
            raise CommandError("DJANGO_SUPERUSER_PASSWORD is not set")
        with provenance.acting("system:demo"):
            load_catalogue()
            if not User.objects.filter(username=settings.SUPERUSER_USERNAME).exists():
                User.objects.create_superuser(settings.SUPERUSER_USERNAME, password=settings.SUPERUSER_PASSWORD)
            if settings.DEMO:
                make_finance()
        codes = ", ".join(DISCOUNTS)
        self.stderr.write(f"demo: {len(CATALOGUE)} items, codes {codes}, superuser {settings.SUPERUSER_USERNAME}")


def make_finance() -> None:
    """Somebody in each role, with the password that everyone knows: never outside the demo."""
    for name, role in FINANCE.items():
        user, is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        if is_new:
            user.set_password(settings.SUPERUSER_PASSWORD)
            user.save()
            user.groups.add(Group.objects.get(name=role))


def load_catalogue() -> None:
    for code, discount in DISCOUNTS.items():
        Discount.objects.get_or_create(code=code, defaults=discount)
    taxes = {name: Tax.objects.get_or_create(name=name, defaults=tax)[0] for name, tax in TAXES.items()}
    for ware in CATALOGUE:
        item, is_new = Item.objects.get_or_create(
            name=ware.name,
            defaults={"description": ware.description, "price": ware.price, "currency": ware.currency},
        )
        if is_new:
            item.taxes.set([taxes[name] for name in ware.taxes])
