"""What is read of a Charge that failed: the bank's own word where there is one."""

from typing import Any

import pytest

from webhooks.readers import failure_code_of


@pytest.mark.parametrize(
    ("code", "outcome", "read"),
    [
        (None, {"type": "authorized", "reason": None}, ""),
        ("card_declined", {"type": "issuer_declined", "reason": "insufficient_funds"}, "insufficient_funds"),
        ("card_declined", {"type": "issuer_declined", "reason": None}, "card_declined"),
        ("card_declined", {"type": "blocked", "reason": "highest_risk_level"}, "card_declined"),
        ("card_declined", None, "card_declined"),
        ("expired_card", {"type": "issuer_declined", "reason": "expired_card"}, "expired_card"),
    ],
)
def test_a_declined_card_is_told_by_the_banks_code(code: str | None, outcome: Any, read: str) -> None:
    assert failure_code_of({"failure_code": code, "outcome": outcome}) == read
