"""Stripe accounts that open orders need and the settings have no more, or with keys of the other mode."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import structlog
from django.db.models import Count

from billing.accounts import why_unserved
from billing.models import StripeCall
from billing.services import livemode_of, open_calls
from core.startup import checks
from orders.models import Order, OrderState

log = structlog.get_logger()


class Unserved(NamedTuple):
    """`event` is `account.missing` or `account.mode_changed`; `orders` wait for payment, `calls` for their outcome."""

    event: str
    account: str
    orders: int
    calls: int


def unserved_accounts() -> list[Unserved]:
    """One for each account and event, in their order."""
    waiting = Order.objects.filter(state=OrderState.PENDING).order_by().values_list("account", "livemode")
    orders, calls = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for account, livemode, count in waiting.annotate(Count("pk")):
        orders[why_unserved(account, livemode=livemode), account] += count
    for account, livemode in modes_of_calls(list(open_calls())):
        calls[why_unserved(account, livemode=livemode), account] += 1
    return [
        Unserved(event, account, orders[event, account], calls[event, account])
        for event, account in sorted(orders.keys() | calls.keys())
        if event
    ]


def modes_of_calls(calls: list[StripeCall]) -> Iterator[tuple[str, bool | None]]:
    """The account of each call, and whether the order that it is for is live; None for what is for none."""
    keys = [(call, Order.key_in(call.subject)) for call in calls]
    modes = dict(Order.objects.filter(pk__in=[key for _, key in keys if key]).values_list("pk", "livemode"))
    for call, key in keys:
        yield call.account, modes.get(int(key)) if key else None


def warn_of_unserved_accounts() -> None:
    for unserved in unserved_accounts():
        log.warning(unserved.event, account=unserved.account, open_orders=unserved.orders, open_calls=unserved.calls)


def order_is_live(stream: str) -> bool | None:
    """Whether the order with this stream is of live money; None where there is no such order."""
    found: bool | None = Order.objects.filter(pk=Order.key_in(stream) or 0).values_list("livemode", flat=True).first()
    return found


livemode_of[Order.stream_prefix] = order_is_live
checks.append(warn_of_unserved_accounts)
