"""Whether discounts and taxes are at Stripe as they are here."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from billing.decisions import differences
from billing.drift import counterparts_at, is_asked_for
from billing.mirroring import KINDS, Kind, accounts_of, open_writes
from billing.models import CounterpartState
from webhooks.doctor.findings import Observation, failed, note, ok
from webhooks.doctor.patients import PATIENCE, Patient


def probe_mirrors(patient: Patient) -> Iterator[Observation]:
    """Failed where a coupon or tax rate was refused, is not brought about within ten minutes, was never asked for, or
    differs from what we left at Stripe. A note where it is under way.
    """
    is_well, counts = True, []
    for kind in KINDS.values():
        counterparts = counterparts_at(kind, patient.account)
        synced = [one for one in counterparts if one.state == CounterpartState.SYNCED]
        for observation in (
            *never_asked(kind, patient),
            *undone(counterparts, timezone.now()),
            *drifted(kind, patient, synced),
        ):
            is_well = False
            yield observation
        counts.append(f"{kind.aggregate.counterpart_model._meta.verbose_name}s: {len(synced)}")
    if is_well:
        yield ok(f"{', '.join(counts)}, all as they are here")


def never_asked(kind: Kind, patient: Patient) -> Iterator[Observation]:
    for row in kind.model._default_manager.order_by("pk"):
        if patient.account.name in accounts_of(row.terms) and not is_asked_for(kind, row):
            name = f"{kind.model._meta.verbose_name} {row.pk}"
            yield failed(f"{name} was never asked for at Stripe as it is now", f"Save {name} in the admin once more.")


def undone(counterparts: list[Any], now: datetime) -> Iterator[Observation]:
    for one in counterparts:
        if one.state == CounterpartState.FAILED:
            yield failed(
                f"{described(one)} was refused by Stripe: {one.reason}",
                f"Correct {one.mirror} or the Stripe account, then press “Sync again” on it in the admin.",
            )
        elif one.state == CounterpartState.PENDING:
            yield pending(one, now)


def pending(one: Any, now: datetime) -> Observation:
    seen = f"{described(one)} is pending since {one.requested_at:%Y-%m-%d %H:%M} UTC"
    if now - one.requested_at < PATIENCE:
        return note(seen)
    return failed(seen + (f": {one.reason}" if one.reason else ""), "Start a worker, or look into its log.")


def drifted(kind: Kind, patient: Patient, synced: list[Any]) -> Iterator[Observation]:
    """What Stripe has, read only; the worker's own check puts it on record and repairs it."""
    found = {one["id"]: one for one in kind.manager(patient.account).listed({})}
    now = timezone.now()
    for one in synced:
        if (names := differences(one, found.get(one.object_id), now)) and is_settled(kind, one):
            yield failed(
                f"{described(one)} differs at Stripe from what we left there: {', '.join(names)}",
                f"Press “Sync again” on {one.mirror} in the admin, with a worker running.",
            )


def is_settled(kind: Kind, one: Any) -> bool:
    """Whether nothing has happened to its mirror since it was read, and nothing is happening."""
    unchanged = kind.mirrors.filter(pk=one.mirror_id, stream_version=one.mirror.stream_version)
    return unchanged.exists() and not open_writes(one.mirror.stream).exists()


def described(one: Any) -> str:
    """`coupon 3f2a9c41-7-1 of discount 7, version 2`, as the admin names it."""
    kind = one._meta.verbose_name
    return f"{kind} {one.object_id or '(none yet)'} of {one.mirror}, version {one.version}"
