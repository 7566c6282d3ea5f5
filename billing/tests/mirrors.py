"""Discounts and taxes to mirror, the worker that mirrors them, and what came of it at Stripe."""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection
from procrastinate.contrib.django import app

from billing.gateway.errors import StripeUnreachable
from billing.models import Discount, StripeCall, Tax
from core.eventlog.append import read_stream
from core.eventlog.replay import check_rows
from tests.simulated import ACCOUNT_KEYS, SimulatedStripe

ROUNDS = 30  # more than any fault here lasts
# What a person does to a row, by name.
CHANGES: dict[str, Callable[[Any], object]] = {
    "create": lambda _row: None,
    "rename": lambda row: change(row, name="Autumn"),
    "new terms": lambda row: change(row, **({"percentage": "9"} if isinstance(row, Tax) else {"percent_off": "20"})),
    "delete": lambda row: row.delete(),
}


def summer(**changes: Any) -> Discount:
    return Discount.objects.create(**{"name": "Summer", "code": "SUMMER", "percent_off": "15"} | changes)


def five_dollars(**changes: Any) -> Discount:
    return Discount.objects.create(**{"name": "Welcome", "amount_off": 500, "currency": "usd"} | changes)


def vat(**changes: Any) -> Tax:
    return Tax.objects.create(**{"name": "VAT", "percentage": "8.8750", "inclusive": True, "country": "de"} | changes)


def change(row: Discount | Tax, **changes: Any) -> None:
    """Edit a row as somebody does who has just opened its form."""
    row.refresh_from_db()
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()


def empty_queue() -> None:
    """Procrastinate's tables are not Django's: no flush empties them."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def queued() -> list[tuple[int, str, dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        return [(job, task, json.loads(args)) for job, task, args in cursor.fetchall()]


def lose(job: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job])


def work(*, rounds: int = ROUNDS, dry: bool = True) -> None:
    """As the worker does, without its pauses: every job until it succeeds, or for some rounds when not until `dry`."""
    for _ in range(rounds):
        jobs = queued()
        if not jobs:
            return
        for job, task, args in jobs:
            try:
                app.tasks[task].func(**args)
            except StripeUnreachable:
                continue
            lose(job)
    assert not (dry and queued()), "the jobs have not run dry"


def coupons(side: SimulatedStripe) -> dict[str, list[tuple[Any, ...]]]:
    """By account, what its coupons are called and take off."""
    shown = ("name", "percent_off", "amount_off", "currency")
    return {
        account: [tuple(one[field] for field in shown) for one in side.objects("coupon", account)]
        for account in ACCOUNT_KEYS
    }


def tax_rates(side: SimulatedStripe) -> dict[str, list[tuple[Any, ...]]]:
    """By account, what its tax rates are called and take, and whether they are active."""
    shown = ("display_name", "percentage", "inclusive", "active")
    return {
        account: [tuple(one[field] for field in shown) for one in side.objects("tax_rate", account)]
        for account in ACCOUNT_KEYS
    }


def everywhere(*expected: tuple[Any, ...]) -> dict[str, list[tuple[Any, ...]]]:
    return {account: list(expected) for account in ACCOUNT_KEYS}


def has_no_findings() -> bool:
    return list(check_rows()) == [] and not StripeCall.objects.filter(settled_at=None).exists()


def story(stream: str) -> list[str]:
    """The facts of a mirror, in words: `synced default 1 created`."""
    told = ("change", "account", "version", "what", "reason", "differences")
    lines = []
    for recorded in read_stream(stream):
        values = [getattr(recorded.fact, name, "") for name in told]
        words = [",".join(value) if isinstance(value, tuple) else str(value) for value in values if value]
        lines.append(" ".join([recorded.event.kind.partition(".")[2], *words]))
    return lines
