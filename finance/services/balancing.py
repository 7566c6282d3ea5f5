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
    """A payout with the balance around it.

    Where it differs, `theirs` is what Stripe's lines say. `shortfalls` is how much more was paid out than they account
    for, as they are and as they were first read: a line that changed since is an exception of its own.
    """

    payout: Payout
    matched: PayoutMatched
    theirs: int | None = None
    differs: bool = False
    shortfalls: tuple[int, ...] = ()


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
        of_payout = items.get(payout.pk, {"net": 0, "first_net": 0})
        matched, lacking = draw(balances[payout.currency], payout, number, of_payout["net"])
        if differs_from_own_lines(payout, own_lines[payout.pk], settled_until):
            yield BalancedPayout(payout, matched, own_lines[payout.pk]["paid"], differs=True)
            continue
        theirs = matched.before + matched.came
        if payout.is_automatic:
            theirs, lacking = of_payout["net"], tuple(payout.amount - of_payout[name] for name in ("net", "first_net"))
        is_judged = payout.itemized_at is not None if payout.is_automatic else payout.method != INSTANT
        differs = is_judged and all(lacking)
        yield BalancedPayout(payout, matched, theirs, differs, lacking if differs else ())


def payouts_of(books: Books) -> QuerySet[Payout]:
    return Payout.objects.filter(account=books.account, livemode=books.livemode).order_by("created_at", "pk")


def balances_of(books: Books, moments: list[datetime]) -> dict[str, Balance]:
    balances: dict[str, Balance] = defaultdict(Balance)
    for row in books.available(moments):
        balances[row["currency"]].came[row["number"]] = (row["net"], row["first_net"])
    return balances


def draw(balance: Balance, payout: Payout, number: int, items: int) -> tuple[PayoutMatched, tuple[int, ...]]:
    """Take the payout out of the balance; with how much more the balance lacks than it did before, in both readings."""
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
        items=items if payout.itemized_at else None,
    )
    lacking = (min(before, 0) - balance.now, min(first_before, 0) - balance.first)
    return matched, tuple(max(one, 0) for one in lacking)


def differs_from_own_lines(payout: Payout, own: dict[str, Any], settled_until: datetime) -> bool:
    if not own["lines"]:
        return payout.created_at <= settled_until
    return not own["fits"] or own["sign"] != (0 if payout.status in RETURNED else -1)
