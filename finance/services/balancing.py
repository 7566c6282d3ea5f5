"""Payouts against Stripe's books: their own lines, what automatic ones took along, and the balance that manual ones,
of which Stripe lists nothing, were made of.

Source: docs.stripe.com/payouts/reconciliation.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from finance.events import PayoutMatched
from finance.models import Payout
from finance.selectors.matching import Books

RETURNED = ("failed", "canceled")
# A payout takes along what is available in its very second.
AT_ONCE = timedelta(microseconds=1)
# Paid out of what is not available yet: docs.stripe.com/payouts/instant-payouts.
INSTANT = "instant"


@dataclass(frozen=True)
class BalancedPayout:
    """A payout with the balance around it; `theirs` is what Stripe's lines say where that is another amount."""

    payout: Payout
    matched: PayoutMatched
    theirs: int | None
    differs: bool

    @property
    def shortfall(self) -> int:
        """How much more was paid out than Stripe's lines account for."""
        return self.payout.amount - (self.theirs or 0) if self.differs else 0


@dataclass
class Balance:
    """Of one currency, as the books are, and as they were first read."""

    now: int = 0
    first: int = 0
    came: dict[int, tuple[int, int]] = field(default_factory=dict)
    counted: int = 0

    def count_up_to(self, number: int) -> tuple[int, int]:
        new = [self.came.get(one, (0, 0)) for one in range(self.counted, number + 1)]
        self.counted = number + 1
        return sum(now for now, _ in new), sum(first for _, first in new)


def balanced_payouts(books: Books, *, settled_until: datetime) -> Iterator[BalancedPayout]:
    """Every payout, oldest first. A line of its own that is missing counts only where it is older than that."""
    payouts = list(payouts_of(books))
    balances = balances_of(books, [payout.created_at + AT_ONCE for payout in payouts])
    own_lines, items = books.own_lines(), books.items()
    for number, payout in enumerate(payouts):
        balance = balances[payout.currency]
        matched, covered = draw(balance, payout, number, items.get(payout.pk))
        theirs, differs = judge_own_lines(payout, own_lines[payout.pk], settled_until)
        if not differs and payout.is_automatic:
            theirs, differs = judge_items(payout, items.get(payout.pk))
        elif not differs and payout.method != INSTANT:
            theirs, differs = matched.before + matched.came, not covered
        yield BalancedPayout(payout, matched, theirs, differs)


def payouts_of(books: Books) -> QuerySet[Payout]:
    return Payout.objects.filter(account=books.account, livemode=books.livemode).order_by("created_at", "pk")


def balances_of(books: Books, moments: list[datetime]) -> dict[str, Balance]:
    balances: dict[str, Balance] = defaultdict(Balance)
    for row in books.available(moments):
        balances[row["currency"]].came[row["number"]] = (row["net"], row["first_net"])
    return balances


def draw(balance: Balance, payout: Payout, number: int, items: dict[str, Any] | None) -> tuple[PayoutMatched, bool]:
    """Take the payout out of the balance; whether the balance covered it, or lacked no more than it did before.

    A line that changed since it was first read is an exception of its own, so either balance will do.
    """
    came, first_came = balance.count_up_to(number)
    before, first_before = balance.now, balance.first
    balance.now += came - payout.amount
    balance.first += first_came - payout.amount
    matched = PayoutMatched(
        livemode=payout.livemode,
        payout=payout.pk,
        currency=payout.currency,
        before=before,
        came=came,
        amount=payout.amount,
        after=balance.now,
        items=(items["net"] if items else 0) if payout.itemized_at else None,
    )
    return matched, balance.now >= min(before, 0) or balance.first >= min(first_before, 0)


def judge_own_lines(payout: Payout, own: dict[str, Any], settled_until: datetime) -> tuple[int | None, bool]:
    if not own["lines"]:
        return None, payout.created_at <= settled_until
    went = 0 if payout.status in RETURNED else -1
    return -own["amount"], not own["fits"] or own["sign"] != went


def judge_items(payout: Payout, items: dict[str, Any] | None) -> tuple[int | None, bool]:
    if payout.itemized_at is None:
        return None, False
    if items is None:
        return 0, bool(payout.amount)
    return items["net"], payout.amount not in (items["net"], items["first_net"])
