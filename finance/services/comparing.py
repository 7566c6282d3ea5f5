"""What Stripe's books and ours disagree about, one exception for each cause."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from finance.events import ExceptionFound, MonthMatched, PayoutMatched
from finance.models import ExceptionKind, Moved
from finance.selectors.matching import Books
from finance.services.balancing import BalancedPayout, balanced_payouts

# Stripe may book later than it tells us of a movement.
BOOKS_LATE = timedelta(days=1)
# A webhook may be late; what none brought, the backfill brings within five minutes.
TOLD_LATE = timedelta(minutes=15)

type Key = tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """What was found: `due` exceptions, and `young` ones that may go by themselves once the other side is heard."""

    due: dict[Key, ExceptionFound]
    young: dict[Key, ExceptionFound]
    months: list[MonthMatched]
    payouts: list[PayoutMatched]


def compare(books: Books, horizon: datetime) -> Comparison:
    """`horizon` is how far Stripe's books have been read."""
    found = list(disagreements(books))
    found += odd_fees(books, besides={one.object_id for one, _ in found})
    due = {key_of(one): one for one, due_at in found if due_at <= horizon}
    young = {key_of(one): one for one, due_at in found if due_at > horizon}
    missing = [one for one in (*due.values(), *young.values()) if one.kind == ExceptionKind.OURS_WITHOUT_THEIRS]
    payouts = []
    for balanced in balanced_payouts(books, settled_until=horizon - BOOKS_LATE):
        payouts.append(balanced.matched)
        if balanced.differs and not attribute(balanced, missing, due):
            exception = payout_exception(balanced)
            due[key_of(exception)] = exception
    excepted = {one.object_id for one in (*due.values(), *young.values())}
    months = [MonthMatched(livemode=books.livemode, **row) for row in books.months(excepted)]
    return Comparison(due, young, months, payouts)


def key_of(found: ExceptionFound) -> Key:
    return found.kind, found.object_id


def disagreements(books: Books) -> Iterator[tuple[ExceptionFound, datetime]]:
    """Each with the moment from which on the other side should know."""
    for row in books.disagreeing():
        if row["order_id"] is None:
            kind, due_at = ExceptionKind.THEIRS_WITHOUT_OURS, row["created_at"] + TOLD_LATE
        elif row["their_amount"] is None:
            kind, due_at = ExceptionKind.OURS_WITHOUT_THEIRS, row["moved_at"] + BOOKS_LATE
        elif row["fits"]:
            kind, due_at = ExceptionKind.AMOUNT_DIFFERS, max(row["moved_at"], row["created_at"]) + BOOKS_LATE
        else:
            kind, due_at = ExceptionKind.AMOUNT_DIFFERS, row["created_at"]
        found = ExceptionFound(
            livemode=books.livemode,
            kind=kind.value,
            object_id=row["object_id"],
            movement=row["movement"],
            our_amount=row["our_amount"],
            our_currency=row["our_currency"] or "",
            their_amount=row["their_amount"],
            their_currency=row["their_currency"] or "",
            order_id=row["order_id"],
            month=f"{row['created_at'] or row['moved_at']:%Y-%m}",
            payout=row["payout"] or "",
        )
        yield found, due_at


def odd_fees(books: Books, besides: set[str]) -> Iterator[tuple[ExceptionFound, datetime]]:
    """Except of objects of which more is wrong than the fee."""
    rows = [row for row in books.odd_fees() if row["source"] not in besides]
    orders = books.orders_of([row["source"] for row in rows])
    for row in rows:
        found = ExceptionFound(
            livemode=books.livemode,
            kind=ExceptionKind.FEE_DIFFERS.value,
            object_id=row["id"],
            movement=row["movement"],
            our_amount=fee_expected(row),
            our_currency=row["currency"],
            their_amount=row["fee"],
            their_currency=row["currency"],
            order_id=orders.get(row["source"]),
            month=f"{row['created_at']:%Y-%m}",
            payout=row["payout"],
        )
        yield found, row["created_at"]


def fee_expected(row: dict[str, Any]) -> int:
    """What was read first; or what its parts, or amount and net, say it is."""
    others: tuple[int | None, ...] = (row["first_fee"], row["itemized_fee"], row["amount"] - row["net"])
    return next(other for other in others if other is not None and other != row["fee"])


def attribute(balanced: BalancedPayout, missing: list[ExceptionFound], due: dict[Key, ExceptionFound]) -> bool:
    """Whether a payout is another because of what Stripe's books lack: then those objects are the exceptions."""
    for shortfall in balanced.shortfalls:
        if causes := causes_of(shortfall, balanced.payout.currency, missing):
            for one in causes:
                missing.remove(one)
                if key_of(one) in due:
                    due[key_of(one)] = replace(one, payout=balanced.payout.pk)
            return True
    return False


def causes_of(shortfall: int, currency: str, missing: list[ExceptionFound]) -> list[ExceptionFound]:
    """The missing objects that account for it; none where they don't.

    A payment's fee is not known, so payments of no less than the shortfall will do.
    """
    sign, covered = 1 if shortfall > 0 else -1, 0
    causes: list[ExceptionFound] = []
    for one in missing:
        amount = sign * (one.our_amount or 0)
        if one.our_currency == currency and amount > 0 and covered < abs(shortfall):
            causes.append(one)
            covered += amount
    return causes if covered >= abs(shortfall) else []


def payout_exception(balanced: BalancedPayout) -> ExceptionFound:
    payout = balanced.payout
    return ExceptionFound(
        livemode=payout.livemode,
        kind=ExceptionKind.PAYOUT_DIFFERS.value,
        object_id=payout.pk,
        movement=Moved.PAYOUT.value,
        our_amount=payout.amount,
        our_currency=payout.currency,
        their_amount=balanced.theirs,
        their_currency="" if balanced.theirs is None else payout.currency,
        order_id=None,
        month=f"{payout.created_at:%Y-%m}",
        payout=payout.pk,
    )
