"""Rows as the projections leave them, made by hand."""

from datetime import UTC, date, datetime
from typing import Any

from finance.models import DaySummary, LedgerLine, Reconciliation, ReconciliationException
from orders.models import Dispute, Order


def summary(day: str, **figures: Any) -> DaySummary:
    given = {"account": "default", "livemode": False, "currency": "usd"} | figures
    return DaySummary.objects.create(day=date.fromisoformat(day), **given)


def order(number: int, **fields: Any) -> Order:
    given = {"shopper_id": f"shopper-{number}", "account": "default", "currency": "usd", "state": "paid"} | fields
    return Order.objects.create(pk=number, **given)


def dispute(of: Order, name: str, due_by: str | None, *, status: str = "needs_response", amount: int = 1850) -> Dispute:
    return Dispute.objects.create(
        pk=f"{of.pk}-{name}",
        order=of,
        dispute_id=name,
        payment_intent="pi_1",
        status=status,
        amount=amount,
        currency=of.currency,
        due_by=due_by and datetime.fromisoformat(due_by).replace(tzinfo=UTC),
        updated_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def ledger_line(number: int, **fields: Any) -> LedgerLine:
    given = {
        "position": number,
        "number": 0,
        "order_id": number,
        "account": "default",
        "livemode": False,
        "movement": "payment",
        "object_id": f"pi_{number}",
        "debit": "cash",
        "credit": "receivable",
        "amount": 1850,
        "currency": "usd",
        "happened_at": datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC),
        "month": date(2026, 11, 1),
    } | fields
    return LedgerLine.objects.create(**given)


def exception(object_id: str, *, kind: str, settled: bool = False, **fields: Any) -> ReconciliationException:
    at = datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC)
    root, _ = Reconciliation.objects.get_or_create(pk="default", defaults={"livemode": False})
    given = {"livemode": False, "movement": "payment", "month": "2026-11"} | fields
    return ReconciliationException.objects.create(
        pk=f"default-{kind}-{object_id}",
        reconciliation=root,
        kind=kind,
        object_id=object_id,
        found_at=at,
        settled_at=at if settled else None,
        **given,
    )
