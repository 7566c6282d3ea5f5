"""A Session's language: Stripe's page speaks the order's, or asks the browser."""

import json
from pathlib import Path

import pytest
from django.conf import settings

from billing.gateway.sessions import LOCALES, session_body
from billing.quotes import Quote

QUOTE = Quote(currency="usd", lines=(), subtotal=0, discount=0, tax=0, total=0)


@pytest.mark.parametrize(
    ("language", "locale"), [("ru", "ru"), ("en", "en"), ("pt-BR", "pt-BR"), ("uk", "auto"), ("", "auto")]
)
def test_is_the_orders_where_stripe_speaks_it(language: str, locale: str) -> None:
    body = session_body(
        QUOTE,
        coupons={},
        tax_rates={},
        success_url="https://shop.example/",
        cancel_url="https://shop.example/",
        metadata={"order_id": "1"},
        language=language,
    )
    assert body["locale"] == locale


def test_is_one_of_those_that_stripe_names() -> None:
    described = json.loads(Path(settings.BASE_DIR, "simulator/contract.json").read_text())
    assert LOCALES | {"auto"} == set(described["objects"]["checkout.session"]["properties"]["locale"]["enum"])
