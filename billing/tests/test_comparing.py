"""Stripe's values beside ours: the same in another type, or another in whatever type."""

import pytest

from billing.decisions import is_same


@pytest.mark.parametrize(
    ("found", "ours", "same"),
    [
        (20, "20.0000", True),
        (8.875, "8.875", True),
        (None, "", True),
        (0, "FR", False),
        (0, "", False),
        (True, "1", False),
    ],
)
def test_numbers_are_compared_as_numbers_and_with_nothing_else(found: object, ours: object, same: bool) -> None:
    assert is_same(found, ours) is same
