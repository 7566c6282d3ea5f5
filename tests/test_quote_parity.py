"""The shop and the stand-in Stripe price orders by code of their own, and agree on ten thousand of them."""

import random
from fractions import Fraction

from billing.quotes import DiscountTerms, TaxTerms
from core.money import step
from orders.quote import PricedItem, quote_lines
from simulator.currencies import amount_step
from simulator.totals import Line, Rate, Reduction, compute_totals

ORDERS = 10_000
CURRENCIES = ["usd", "eur", "jpy", "kwd", "bhd", "isk", "ugx"]


def random_taxes(rng: random.Random) -> tuple[TaxTerms, ...]:
    return tuple(
        TaxTerms(
            tax=number,
            version=1,
            name="Tax",
            percentage=str(rng.choice(["20", "5.5", "8.875", "0", f"{rng.uniform(0, 100):.4f}"])),
            inclusive=rng.random() < 0.5,
        )
        for number in range(rng.randrange(4))
    )


def random_discount(rng: random.Random, currency: str) -> DiscountTerms | None:
    kind = rng.randrange(3)
    percent = str(rng.choice(["15", "33.33", "100", f"{rng.uniform(0.01, 100):.2f}"])) if kind == 1 else None
    amount = rng.randrange(1, 50_000) * step(currency) if kind == 2 else None
    terms = DiscountTerms(discount=1, version=1, name="Sale", percent_off=percent, amount_off=amount, currency=currency)
    return terms if kind else None


def test_both_agree_on_ten_thousand_random_orders() -> None:
    rng = random.Random(20261124)  # noqa: S311 a seed, so that a failure can be repeated
    for number in range(ORDERS):
        currency = rng.choice(CURRENCIES)
        unit = step(currency)
        items = [
            PricedItem(item, "x", rng.randrange(1, 20), rng.randrange(100_000) * unit, random_taxes(rng))
            for item in range(rng.randrange(1, 7))
        ]
        discount = random_discount(rng, currency)
        ours = quote_lines(currency, items, discount)
        theirs = compute_totals(
            [
                Line(
                    item.unit_amount,
                    item.quantity,
                    tuple(Rate(Fraction(tax.percentage), tax.inclusive) for tax in item.taxes),
                )
                for item in items
            ],
            Reduction(
                percent_off=Fraction(discount.percent_off) if discount.percent_off else None,
                amount_off=discount.amount_off or 0,
            )
            if discount
            else None,
            amount_step(currency),
        )
        assert [(line.subtotal, line.discount, line.tax, line.total) for line in ours.lines] == [
            (line.subtotal, line.discount, line.tax, line.total) for line in theirs.lines
        ], (number, currency, items, discount)
        assert [[tax.amount for tax in line.taxes] for line in ours.lines] == [
            [tax.amount for tax in line.taxes] for line in theirs.lines
        ], (number, currency, items, discount)
