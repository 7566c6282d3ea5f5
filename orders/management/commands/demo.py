"""`manage.py demo`: something to buy and somebody to log in as."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from orders.models import Item

CATALOGUE = [
    ("Enamel mug", "Holds 350 ml of something hot. Survives the campfire.", 1850, "usd"),
    ("Waxed canvas tote", "Carries the market home, in any weather.", 6400, "usd"),
    ("Field notebook, three", "Dot grid, 48 pages each, stitched so that they lie flat.", 1250, "usd"),
    ("Wool blanket", "Woven in Galicia from undyed wool, 140 x 200 cm.", 14900, "eur"),
    ("Pocket knife", "Olive wood and carbon steel, made in Thiers.", 5200, "eur"),
    ("Cast iron kettle", "From Morioka, 0.9 litres, enamelled inside.", 16500, "jpy"),
]


class Command(BaseCommand):
    help = "Load the demo catalogue and make the superuser, as far as they are not there yet."

    def handle(self, **_options: object) -> None:
        if not settings.SUPERUSER_PASSWORD:
            raise CommandError("DJANGO_SUPERUSER_PASSWORD is not set")
        for name, description, price, currency in CATALOGUE:
            Item.objects.get_or_create(
                name=name, defaults={"description": description, "price": price, "currency": currency}
            )
        users = get_user_model().objects
        if not users.filter(username=settings.SUPERUSER_USERNAME).exists():
            users.create_superuser(settings.SUPERUSER_USERNAME, password=settings.SUPERUSER_PASSWORD)
        self.stderr.write(f"demo: {len(CATALOGUE)} items, superuser {settings.SUPERUSER_USERNAME}")
