"""What Stripe has, compared with what we left there: somebody may have changed a coupon in the dashboard."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from billing.accounts import configured_accounts
from billing.decisions import differences, next_step
from billing.gateway.calls import Body
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.mirroring import (
    KINDS,
    Kind,
    accounts_of,
    asked_of,
    last_asked,
    open_writes,
    queue_sync,
    repeat_request,
    request_removal,
    request_sync,
)
from billing.models import Counterpart, Discount, Mirror, Tax
from billing.services import call_named_in
from core.configuration import Account

log = structlog.get_logger()

CHECK_JOB = "billing.check_account"
CREATES = ("coupons.create", "tax_rates.create")
# After how many seconds a check is made again that Stripe did not answer, or that came in the way of something.
PAUSE = 300


def request_checks() -> None:
    """Ask for everything that no signal had told of (bulk changes, a new account), and for a check of every account."""
    for kind in KINDS.values():
        request_untold(kind)
    for name in configured_accounts():
        request_check(name)


def request_check(account: str, *, after: int = 0) -> None:
    """Queue a check of one account, in the caller's transaction. Many events make one check: it starts after them."""
    job = app.configure_task(CHECK_JOB, queueing_lock=f"{CHECK_JOB}:{account}", schedule_in={"seconds": after})
    try:
        with transaction.atomic():  # a savepoint: what the caller did goes on
            job.defer(account=account)
    except AlreadyEnqueued:
        log.debug("mirror.check_is_queued", account=account)


def sync_again(mirror: Mirror, *, version: int) -> bool:
    """What was asked last is asked again: what had failed is tried again, and what is there is compared.

    `version` is that of the mirror's stream as who asks has seen it. False where something has happened since, as when
    a form is sent twice: nothing is asked then.
    """
    with transaction.atomic(durable=True):
        is_asked = repeat_request(mirror, version)
        if is_asked:
            for name in configured_accounts():
                request_check(name)
    return is_asked


def request_untold(kind: Kind) -> None:
    for key in list(kind.model._default_manager.values_list("pk", flat=True)):
        with transaction.atomic(durable=True):
            row = kind.model._default_manager.select_for_update().filter(pk=key).first()
            if row is not None and not is_asked_for(kind, row):
                request_sync(row, change="found")
    gone = ~Exists(kind.model._default_manager.filter(pk=OuterRef("pk")))
    for mirror in kind.mirrors.filter(gone, is_deleted=False, version__gt=0):
        with transaction.atomic(durable=True):
            request_removal(mirror)


def is_asked_for(kind: Kind, row: Discount | Tax) -> bool:
    """Whether the last request was for this row as it is, at the accounts that are configured now."""
    mirror: Any = kind.mirrors.filter(pk=row.pk, is_deleted=False).first()
    if mirror is None or last_asked(mirror) != asked_of(row):
        return False
    accounts = mirror.counterparts.filter(is_current=True).values_list("account", flat=True)
    return set(accounts) == set(accounts_of(row.terms))


def check_account(name: str) -> None:
    """Compare all that one account has; what differs is on record, and queued to be repaired."""
    account = configured_accounts().get(name)
    if account is None:
        return
    for kind in KINDS.values():
        try:
            check_objects(kind, account)
        except (StripeRefused, StripeUnreachable) as refused:
            log.warning("mirror.not_checked", account=name, reason=type(refused).__name__)
            request_check(name, after=PAUSE)


def check_objects(kind: Kind, account: Account) -> None:
    known = counterparts_at(kind, account)  # as they were before Stripe was asked
    found = {one["id"]: one for one in kind.manager(account).listed({})}
    now = timezone.now()
    for mirror, counterparts in groupby(known, key=lambda one: one.mirror):
        differing = {one: differences(one, found.get(one.object_id), now) for one in counterparts}
        record_drift(kind, account, mirror, {one: names for one, names in differing.items() if names})
    flag_unknown(kind, account, found)
    for stream in sorted({one.mirror.stream for one in counterparts_at(kind, account) if next_step(one, now)}):
        queue_sync(stream)


def counterparts_at(kind: Kind, account: Account) -> list[Any]:
    rows = kind.counterparts.filter(account=account.name)
    return list(rows.select_related("mirror").order_by("mirror_id", "version"))


def record_drift(kind: Kind, account: Account, seen: Mirror, differing: Mapping[Counterpart, tuple[str, ...]]) -> None:
    """Put on record how Stripe's objects differ from one mirror's counterparts, unless something has happened to it
    since it was `seen`, or is happening: then Stripe's list may be older than that, and a later check will tell.
    """
    if not differing:
        return
    with transaction.atomic(durable=True):
        mirror = kind.aggregate.load_locked(seen.pk)
        is_busy = open_writes(seen.stream).filter(account=account.name).exists()
        if is_busy or mirror.root.stream_version != seen.stream_version:
            request_check(account.name, after=PAUSE)
            return
        for one, names in differing.items():
            log.warning("mirror.drift_found", account=one.account, object_id=one.object_id, differences=names)
            mirror.record(
                mirror.drift_fact(account=one.account, version=one.version, object_id=one.object_id, differences=names)
            )
        mirror.save()


def flag_unknown(kind: Kind, account: Account, found: Mapping[str, Body]) -> None:
    """Objects that say they are of this installation, and that no mirror knows: left by a restored backup, say."""
    ours = {mirror.installation for each in KINDS.values() for mirror in each.mirrors.only("installation")}
    known = set(kind.counterparts.values_list("object_id", flat=True))
    for object_id in sorted(found.keys() - known):
        metadata, is_active = found[object_id].get("metadata") or {}, found[object_id].get("active", True)
        if metadata.get("installation") in ours and is_active and not is_being_made(metadata):
            call_id = metadata.get("call_id")
            log.warning("mirror.unknown_object", account=account.name, object_id=object_id, call_id=call_id)


def is_being_made(metadata: Mapping[str, str]) -> bool:
    call = call_named_in(metadata, CREATES)
    return call is not None and call.is_open


def hear_of(account: Account, stripe_object: Mapping[str, Any], *, deleted: bool) -> bool:
    """An event's object: whether it is ours, by the call that made it. What it tells beyond what we know is checked."""
    call = call_named_in(stripe_object.get("metadata"), CREATES)
    if call is None or call.account != account.name:
        return False
    kind = KINDS[call.subject.partition("-")[0]]
    counterpart = kind.counterparts.filter(account=account.name, object_id=stripe_object.get("id")).first()
    if counterpart is None:
        is_news = not call.is_open  # else it is being made, and its mirror will learn of it
    else:
        is_news = bool(differences(counterpart, None if deleted else stripe_object, timezone.now()))
    if is_news:
        request_check(account.name)
    return True
