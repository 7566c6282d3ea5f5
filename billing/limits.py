"""What Stripe refuses to charge, known before it is asked.

Source: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts (minimums in minor units; they hold where the
account settles in that currency) and docs.stripe.com/api/checkout/sessions/create (at most 100 line items).
"""

MAXIMUM_LINES = 100
MAXIMUM_AMOUNT = 99_999_999
MINIMUM_AMOUNT = {
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
}


def minimum_amount(currency: str) -> int:
    """The least that can be charged, in minor units; 1 where Stripe's table has no row."""
    return MINIMUM_AMOUNT.get(currency, 1)
