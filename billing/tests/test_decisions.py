"""What is to be done for a counterpart, and how Stripe's object differs from it: no database, no Stripe."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.decisions import Step, differences, next_step, says
from billing.models import CounterpartState, Coupon, TaxRate, plain

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)


def coupon(**changes: Any) -> Coupon:
    """One that is as it should be."""
    fields = {
        "terms": {"percent_off": "12.5"},
        "labels": {"name": "Summer"},
        "told": {"name": "Summer"},
        "is_live": True,
        "is_current": True,
        "state": CounterpartState.SYNCED,
    }
    return Coupon(**fields | changes)


def tax_rate() -> TaxRate:
    labels = {"display_name": "VAT", "jurisdiction": "", "country": "DE", "active": True}
    return TaxRate(
        terms={"percentage": "8.875", "inclusive": True}, labels=labels, told=labels, is_live=True, is_current=True
    )


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, None),
        ({"is_live": False}, Step.CREATE),
        ({"told": {"name": "Autumn"}}, Step.RENAME),
        ({"told": {}}, Step.RENAME),
        ({"is_current": False}, Step.RETIRE),
        ({"is_current": False, "is_live": False}, None),
        ({"is_current": False, "needed_until": LATER}, None),
        ({"is_current": False, "needed_until": LATER, "is_live": False}, Step.CREATE),
        ({"is_current": False, "needed_until": NOW}, Step.RETIRE),
        ({"is_current": False, "needed_until": EARLIER}, Step.RETIRE),
        ({"needed_until": EARLIER}, None),
        ({"is_live": False, "state": CounterpartState.FAILED}, None),
        ({"is_current": False, "state": CounterpartState.FAILED}, None),
    ],
)
def test_the_next_step_follows_from_what_is_needed_and_what_is_there(
    changes: dict[str, Any], step: Step | None
) -> None:
    assert next_step(coupon(**changes), NOW) == step


COUPON = {"percent_off": 12.5, "name": "Summer", "valid": True}


@pytest.mark.parametrize(
    ("changes", "found", "differing"),
    [
        ({}, COUPON, ()),
        ({}, None, ("missing",)),
        ({}, COUPON | {"name": "Sale"}, ("name",)),
        ({}, COUPON | {"name": None}, ("name",)),
        ({}, COUPON | {"percent_off": 12.6}, ("percent_off",)),
        ({}, COUPON | {"percent_off": None}, ("percent_off",)),
        ({}, COUPON | {"valid": False, "name": "Sale"}, ("name", "valid")),
        ({"labels": {"name": "Autumn"}}, COUPON, ()),  # a rename of ours that is about to be sent
        ({"is_live": False}, None, ()),
        ({"is_live": False}, COUPON, ()),  # about to be made, under another id
        ({"is_live": False, "is_current": False}, None, ()),
        ({"is_live": False, "is_current": False}, COUPON, ("not_retired",)),
    ],
)
def test_a_coupon_differs_from_what_stripe_was_told(
    changes: dict[str, Any], found: dict[str, Any] | None, differing: tuple[str, ...]
) -> None:
    assert differences(coupon(**changes), found, NOW) == differing


RATE = {
    "percentage": 8.875,
    "inclusive": True,
    "display_name": "VAT",
    "jurisdiction": None,
    "country": "DE",
    "active": True,
}


@pytest.mark.parametrize(
    ("found", "differing"),
    [
        (RATE, ()),
        (RATE | {"active": False}, ("active",)),
        (RATE | {"jurisdiction": "Berlin", "country": None}, ("country", "jurisdiction")),
        (RATE | {"inclusive": False, "percentage": 8.8751}, ("inclusive", "percentage")),
    ],
)
def test_a_tax_rate_differs_from_what_stripe_was_told(found: dict[str, Any], differing: tuple[str, ...]) -> None:
    assert differences(tax_rate(), found, NOW) == differing


@given(st.decimals(min_value=0, max_value=100, places=4), st.decimals(min_value=0, max_value=100, places=4))
def test_a_percentage_is_known_again_in_stripes_number(percentage: Decimal, other: Decimal) -> None:
    found = json.loads(json.dumps({"percentage": float(percentage)}))
    assert says(found, {"percentage": plain(percentage)})
    assert says(found, {"percentage": plain(other)}) == (other == percentage)
