"""`python -m tests.chaos.merchant`: staff that change discounts and taxes, until this process is killed.

Who has such a thing in the basket is asked again; who has placed an order pays what was said.
"""

import os
import time
from random import Random

import django

django.setup()

import structlog  # noqa: E402 as below
from django.db import DatabaseError, close_old_connections  # noqa: E402 the models need the settings

from billing.models import Discount, Tax  # noqa: E402
from core.eventlog import provenance  # noqa: E402
from tests.chaos.house import drawn_from  # noqa: E402

PAUSE_SECONDS = 4.0
PERCENTAGES = {"SPRING15": ("10", "15", "20")}
RATES = {"Sales tax": ("8", "8.875"), "Recycling levy": ("2.5", "3")}

log = structlog.get_logger()


def change_something(rng: Random) -> None:
    """Terms, for which Stripe needs another object, or a name, which it edits."""
    if rng.random() < 0.5:
        discount = Discount.objects.get(code="SPRING15")
        discount.percent_off = rng.choice(PERCENTAGES["SPRING15"])
        discount.name = rng.choice(["Spring sale", "Spring sale, extended"])
        discount.save()
        return
    tax = Tax.objects.get(name=rng.choice(list(RATES)))
    tax.percentage = rng.choice(RATES[tax.name])
    tax.jurisdiction = rng.choice(["", "US - NY"])
    tax.save()


def main() -> None:
    rng = drawn_from(os.environ["CHAOS_SEED"], f"merchant {time.time() // 10}")
    while True:
        time.sleep(rng.uniform(0, 2 * PAUSE_SECONDS))
        try:
            with provenance.acting("staff:1"):
                change_something(rng)
        except DatabaseError as error:
            log.info("merchant.again", reason=type(error).__name__)
            close_old_connections()


if __name__ == "__main__":
    main()
