"""Payouts, and what a reconciliation found, of generated orders: hundreds, since only orders come by the million."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from core.eventlog.aggregate import Aggregate
from core.eventlog.replay import rows_of
from finance.events import (
    BalanceTransactionPaidOut,
    BalanceTransactionRecorded,
    ExceptionFound,
    ExceptionSettled,
    MonthMatched,
    PayoutItemized,
    PayoutMatched,
    PayoutUpdated,
    ReconciliationRun,
)
from finance.models import BalanceTransaction, ExceptionKind, Moved, Payout, Reconciliation
from finance.projections.reconciliation import ReconciliationAggregate
from finance.projections.stripe import BalanceTransactionAggregate, PayoutAggregate
from orders.models import Order, Payment, PaymentSource, PaymentStatus
from webhooks.management.generating.copying import Plan, Rows
from webhooks.management.generating.stories import Step

LEAST = 200  # payouts of an account and currency: one in so many orders, or these
ONE_IN = 1000
CHOSEN = 4  # so many orders for each of them are looked at for an exception
FEE = 30
SETTLED = 0.6  # of the exceptions
ARRIVES_AFTER, FOUND_AFTER, SETTLED_AFTER = timedelta(days=2), timedelta(days=2), timedelta(days=3)
KINDS = (
    ExceptionKind.OURS_WITHOUT_THEIRS,
    ExceptionKind.THEIRS_WITHOUT_OURS,
    ExceptionKind.AMOUNT_DIFFERS,
    ExceptionKind.FEE_DIFFERS,
)

type Told = tuple[datetime, object]


def generate_books(plan: Plan) -> dict[str, int]:
    """Rows by table, in one transaction; of accounts that were reconciled before there come none."""
    chance = Random(f"{plan.seed} books")  # noqa: S311 a measurement needs no secret
    rows = Rows()
    count = max(LEAST, plan.orders // ONE_IN)
    known = set(Reconciliation.objects.values_list("pk", flat=True))
    wares = {(ware.account, ware.livemode): set[str]() for ware in plan.wares if ware.account not in known}
    for ware in plan.wares:
        if ware.account not in known:
            wares[ware.account, ware.livemode].add(ware.currency)
    for (account, livemode), currencies in wares.items():
        told: list[Told] = list(exceptions(plan, chance, account, CHOSEN * count))
        for currency in sorted(currencies):
            told += months(account, livemode, currency, plan.end)
            told += payouts(rows, plan, chance, (account, livemode, currency), count)
        add_reconciliation(rows, account, livemode, told, plan.end)
    with transaction.atomic(durable=True):
        return rows.copy()


def add_reconciliation(rows: Rows, account: str, livemode: bool, told: list[Told], end: datetime) -> None:  # noqa: FBT001 a pair
    aggregate = ReconciliationAggregate.begin(account)
    kinds = Counter(type(fact) for _, fact in told)
    run = ReconciliationRun(
        livemode=livemode,
        until=int(end.timestamp()),
        matched=sum(fact.count for _, fact in told if isinstance(fact, MonthMatched)),
        exceptions=kinds[ExceptionFound] - kinds[ExceptionSettled],
    )
    for at, fact in [*sorted(told, key=lambda one: one[0]), (end, run)]:
        add(rows, aggregate, fact, at)
    rows.of[Reconciliation].append(aggregate.root)
    for model in aggregate.child_models:
        rows.of[model] += rows_of(aggregate, model)


def add(rows: Rows, aggregate: Aggregate[Any], fact: object, at: datetime) -> None:
    aggregate.apply(fact, at)
    rows.append_events(aggregate, [fact], Step(at=at, actor="system:reconcile", facts=[fact]), at)


def exceptions(plan: Plan, chance: Random, account: str, count: int) -> Iterator[Told]:
    """About charges of orders evenly over the time."""
    chosen = [plan.first_id + index * plan.orders // count for index in range(count)]
    paid = Payment.objects.filter(
        order_id__in=chosen, account=account, source=PaymentSource.INTENT, status=PaymentStatus.SUCCEEDED
    )
    for payment in paid.order_by("order_id").select_related("order"):
        at = (payment.order.paid_at or plan.end) + FOUND_AFTER
        if at > plan.end:
            continue
        kind = chance.choice(KINDS)
        ours, theirs = kind != ExceptionKind.THEIRS_WITHOUT_OURS, kind != ExceptionKind.OURS_WITHOUT_THEIRS
        yield (
            at,
            ExceptionFound(
                livemode=payment.livemode,
                kind=kind,
                object_id=payment.charge,
                movement=Moved.PAYMENT,
                our_amount=payment.amount if ours else None,
                our_currency=payment.currency if ours else "",
                their_amount=payment.amount + FEE * (kind == ExceptionKind.AMOUNT_DIFFERS) if theirs else None,
                their_currency=payment.currency if theirs else "",
                order_id=payment.order_id if ours else None,
                month=f"{at - FOUND_AFTER:%Y-%m}",
                payout="",
            ),
        )
        if chance.random() < SETTLED and at + SETTLED_AFTER <= plan.end:
            settled = ExceptionSettled(livemode=payment.livemode, kind=kind, object_id=payment.charge)
            yield at + SETTLED_AFTER, settled


def months(account: str, livemode: bool, currency: str, end: datetime) -> Iterator[Told]:  # noqa: FBT001 a balance
    """What the orders say, as if all of it agreed."""
    paid = Order.objects.filter(account=account, livemode=livemode, currency=currency, paid_at__isnull=False)
    sums = paid.annotate(month=TruncMonth("paid_at")).values_list("month").order_by("month")
    for month, count, amount in sums.annotate(count=Count("pk"), amount=Sum("received")):
        yield (
            end,
            MonthMatched(
                livemode=livemode,
                month=f"{month:%Y-%m}",
                currency=currency,
                movement=Moved.PAYMENT,
                count=count,
                amount=amount,
                fee=0,
                net=amount,
            ),
        )


def payouts(rows: Rows, plan: Plan, chance: Random, balance: tuple[str, bool, str], count: int) -> Iterator[Told]:
    """Evenly over the time, each with one line that it took along; the balance is empty after each."""
    account, livemode, currency = balance
    for index in range(count):
        at = plan.begin + (plan.end - plan.begin - ARRIVES_AFTER) * index / count
        amount = chance.randint(1_000, 900_000)
        payout = PayoutAggregate.begin(f"po_{chance.getrandbits(96):024x}")
        key, created = payout.root.pk, int(at.timestamp())
        lines = [
            transaction_of(rows, f"txn_{chance.getrandbits(96):024x}", balance, kind, source, moved, at)
            for kind, source, moved in (("adjustment", "", amount), ("payout", key, -amount))
        ]
        add(rows, lines[0], BalanceTransactionPaidOut(payout=key), at)
        arrival = at + ARRIVES_AFTER
        told = PayoutUpdated(
            account=account,
            livemode=livemode,
            amount=amount,
            currency=currency,
            status="paid",
            is_automatic=True,
            balance_transaction=lines[1].root.pk,
            created=created,
            arrival_date=int(arrival.timestamp()),
        )
        add(rows, payout, told, arrival)
        add(rows, payout, PayoutItemized(count=1, net=amount), arrival)
        rows.of[Payout].append(payout.root)
        rows.of[BalanceTransaction] += [line.root for line in lines]
        yield (
            arrival,
            PayoutMatched(
                livemode=livemode,
                payout=key,
                currency=currency,
                before=0,
                came=amount,
                amount=amount,
                after=0,
                items=amount,
            ),
        )


def transaction_of(
    rows: Rows, key: str, balance: tuple[str, bool, str], kind: str, source: str, amount: int, at: datetime
) -> BalanceTransactionAggregate:
    account, livemode, currency = balance
    line = BalanceTransactionAggregate.begin(key)
    recorded = BalanceTransactionRecorded(
        account=account,
        livemode=livemode,
        type=kind,
        category=kind,
        source=source,
        amount=amount,
        fee=0,
        net=amount,
        currency=currency,
        exchange_rate="",
        created=int(at.timestamp()),
        available_on=int(at.timestamp()),
        itemized_fee=0,
    )
    add(rows, line, recorded, at)
    return line
