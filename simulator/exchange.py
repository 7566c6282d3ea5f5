"""What one currency is worth in another. The rates never move, so that a test can compute what it expects.

`exchange_rate` is taken to be one between major units; Stripe's description leaves open what it means where the two
currencies have different decimals. Source: docs.stripe.com/api/balance_transactions/object.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from types import MappingProxyType

from simulator.currencies import count_decimals

# In dollars. What is not in here is worth one.
WORTH: Mapping[str, Decimal] = MappingProxyType(
    {"eur": Decimal("1.0837"), "gbp": Decimal("1.2914"), "jpy": Decimal("0.006571"), "kwd": Decimal("3.2541")}
)
RATE_DIGITS = Context(prec=6)


def exchange(amount: int, currency: str, into: str) -> tuple[int, float]:
    """An amount in minor units of another currency, and the rate: `1000, "eur", "usd"` -> `(1084, 1.0837)`."""
    rate = RATE_DIGITS.divide(WORTH.get(currency, Decimal(1)), WORTH.get(into, Decimal(1)))
    exact = (Decimal(amount) * rate).scaleb(count_decimals(into) - count_decimals(currency))
    return round(exact), float(rate)
