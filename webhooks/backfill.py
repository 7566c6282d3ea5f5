"""Events that no webhook brought: read from Stripe's Events API and handled like deliveries."""

import json
from datetime import UTC, datetime, timedelta

import structlog
from django.db import OperationalError
from django.utils import timezone

from billing.accounts import configured_accounts
from billing.gateway.calls import Body
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.gateway.events import Events
from core.configuration import Account
from core.eventlog import provenance
from orders.services.accounts import warn_of_unserved_accounts
from webhooks.events import MalformedEventError, parse_event
from webhooks.instruments import count_backfilled
from webhooks.models import BackfillCursor, Delivery, DeliverySource
from webhooks.readers import is_handled
from webhooks.services import DeliveryFailedError, receive_delivery

log = structlog.get_logger()

# How far back Stripe remembers events.
REACH = timedelta(days=30)
# Stripe may list an event later than others of its time; what was read before is read again, and known.
OVERLAP = timedelta(minutes=10)


def backfill_all(since: datetime | None = None) -> dict[str, int]:
    """By account, how many events were brought in that no webhook had; from `since`, or from where the last run ended.

    An account that doesn't answer keeps its cursor and does not keep the others waiting.
    """
    brought = {}
    warn_of_unserved_accounts()
    with provenance.acting("system:backfill"):
        for account in configured_accounts().values():
            try:
                brought[account.name] = backfill_account(account, since)
            except (StripeRefused, StripeUnreachable, OperationalError) as refused:
                log.warning("backfill.stopped", account=account.name, reason=type(refused).__name__)
    return brought


def backfill_account(account: Account, since: datetime | None) -> int:
    cursor, _ = BackfillCursor.objects.get_or_create(
        account=account.name, defaults={"read_until": timezone.now() - REACH}
    )
    earliest = since or cursor.read_until - OVERLAP
    started, brought = timezone.now(), 0
    for page in Events(account).pages_since(max(earliest, timezone.now() - REACH)):
        brought += sum(bring_in(account, event) for event in unknown(account, page))
    if since is None:
        BackfillCursor.objects.filter(account=account.name, read_until__lt=started).update(read_until=started)
    return brought


def unknown(account: Account, page: list[Body]) -> list[Body]:
    """Those that we handle and have not stored yet."""
    ids = [event["id"] for event in page if is_handled(event["type"])]
    known = set(Delivery.objects.filter(account=account.name, event_id__in=ids).values_list("event_id", flat=True))
    return [event for event in page if event["id"] in set(ids) - known]


def bring_in(account: Account, event: Body) -> bool:
    payload = json.dumps(event).encode()
    try:
        receive_delivery(account=account, event=parse_event(payload), payload=payload, source=DeliverySource.BACKFILL)
    except (DeliveryFailedError, MalformedEventError) as failed:
        log.warning("backfill.event_failed", account=account.name, event_id=event["id"], reason=type(failed).__name__)
        return False
    count_backfilled(account.name, event["created"])
    return True


def parse_since(text: str) -> datetime:
    """`2026-11-01`, `2026-11-01T12:00:00Z`, or days and hours ago as `3d`, `12h`; raises ValueError."""
    units = {"d": "days", "h": "hours"}
    if text[-1:] in units and text[:-1].isdecimal():
        try:
            return timezone.now() - timedelta(**{units[text[-1]]: int(text[:-1])})
        except OverflowError:
            raise ValueError(text) from None
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
