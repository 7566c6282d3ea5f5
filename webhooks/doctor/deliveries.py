"""Whether Stripe tells us what happens: the webhook endpoint as it is set up there, and what came of its deliveries."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import batched
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from billing.gateway.calls import Body
from billing.gateway.events import Events
from billing.gateway.manager import PAGE
from billing.gateway.signatures import API_VERSION
from webhooks.backfill import REACH
from webhooks.doctor.findings import Observation, failed, ok, skipped, some_of
from webhooks.doctor.patients import PATIENCE, Patient
from webhooks.models import Delivery, DeliverySource
from webhooks.readers import HINTS, MIRRORED, READERS

NEEDED = frozenset({*READERS, *HINTS, *MIRRORED})
ALL_EVENTS = "*"
# The most that Stripe takes: docs.stripe.com/api/events/list, `types`.
TYPES_AT_ONCE = 20
WEBHOOKS_PAGE = "Workbench > Webhooks"


def probe_webhook(patient: Patient) -> Iterator[Observation]:
    """Failed unless an endpoint at our address is enabled, sends events in our API version, and sends all that we
    handle. An endpoint without a version sends them in the account's, which somebody may change in the dashboard.
    """
    if not patient.own_endpoints:
        nearby = ", ".join(paths_of_our_host(patient.endpoints)) or "none"
        yield failed(
            f"no endpoint posts to {patient.address}; of this host there are: {nearby}",
            f"Add one in the dashboard ({WEBHOOKS_PAGE}) with this address, API version {API_VERSION} and the events "
            f"that docs/operations.md lists, and put its secret into {patient.setting('WEBHOOK_SECRETS')}.",
        )
        return
    enabled = patient.enabled_endpoints
    if not enabled:
        names = named(patient.own_endpoints)
        yield failed(f"{names} is disabled", f"Enable {names} in the dashboard ({WEBHOOKS_PAGE}).")
        return
    shortcomings = [*version_of(patient, enabled), *events_of(enabled)]
    yield from shortcomings or [ok(f"{named(enabled)} sends all {len(NEEDED)} types of events in {API_VERSION}")]


def paths_of_our_host(endpoints: list[Body]) -> Iterator[str]:
    """To see a slash that is missing. No more of the addresses than that: they may hold somebody's password."""
    for url in (urlsplit(endpoint["url"]) for endpoint in endpoints):
        if url.hostname == urlsplit(settings.PUBLIC_URL).hostname:
            yield url.path


def version_of(patient: Patient, enabled: list[Body]) -> Iterator[Observation]:
    versions = {endpoint["api_version"] or "the account's default version" for endpoint in enabled}
    if API_VERSION not in versions:
        yield failed(
            f"{named(enabled)} sends events in {', '.join(sorted(versions))}, not in API version {API_VERSION}",
            f"Add an endpoint of version {API_VERSION} in the dashboard ({WEBHOOKS_PAGE}), put its secret into "
            f"{patient.setting('WEBHOOK_SECRETS')}, then delete {named(enabled)}: its version can't be changed.",
        )


def events_of(enabled: list[Body]) -> Iterator[Observation]:
    missing = NEEDED - subscribed(enabled)
    if missing:
        yield failed(
            f"{named(enabled)} does not send {', '.join(sorted(missing))}",
            f"Add these events to {named(enabled)} in the dashboard ({WEBHOOKS_PAGE}).",
        )


def subscribed(endpoints: list[Body]) -> frozenset[str]:
    """Which of the types that we handle these endpoints send."""
    listed = {event_type for endpoint in endpoints for event_type in endpoint["enabled_events"]}
    return NEEDED if ALL_EVENTS in listed else NEEDED & listed


def named(endpoints: list[Body]) -> str:
    return " and ".join(endpoint["id"] for endpoint in endpoints)


class Unverified(NamedTuple):
    """An event that no webhook of ours has vouched for; `is_known` when the backfill has brought it."""

    event_id: str
    type: str
    is_known: bool

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


def probe_events(patient: Patient) -> Iterator[Observation]:
    """Failed when Stripe lists events that our endpoint is sent and whose signature we have never verified, from since
    the endpoint is there (30 days back at most) to ten minutes ago. What the backfill brought is not verified by that.
    """
    enabled = patient.enabled_endpoints
    if not enabled:
        yield skipped("no enabled endpoint posts to us")
        return
    made_at = datetime.fromtimestamp(min(endpoint["created"] for endpoint in enabled), UTC)
    now = timezone.now()
    since = max(made_at, now - REACH, patient.since or made_at)
    listed = 0
    unverified: list[Unverified] = []
    for page in batched(events_between(patient, since, now - PATIENCE, subscribed(enabled)), PAGE):
        listed += len(page)
        unverified += unverified_of(patient, page)
    if not unverified:
        yield ok(f"{listed} events since {since:%Y-%m-%d %H:%M} UTC, all verified by webhook")
        return
    backfilled = sum(event.is_known for event in unverified)
    yield failed(
        f"{len(unverified)} of {listed} events since {since:%Y-%m-%d %H:%M} UTC were never verified by webhook "
        f"({backfilled} came by backfill): {some_of(unverified)}",
        f"Find out in the dashboard ({WEBHOOKS_PAGE}, {named(enabled)}, Event deliveries) why they fail, compare the "
        f"endpoint's secret with {patient.setting('WEBHOOK_SECRETS')}, and resend them there.",
    )


def events_between(patient: Patient, since: datetime, until: datetime, types: Collection[str]) -> Iterator[Body]:
    if since > until:
        return
    created = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
    for some_types in batched(sorted(types), TYPES_AT_ONCE):
        yield from Events(patient.account).listed({"created": created, "types": list(some_types)})


def unverified_of(patient: Patient, events: Collection[Body]) -> Iterator[Unverified]:
    known = dict(
        Delivery.objects.filter(account=patient.account.name, event_id__in=[event["id"] for event in events])
        .values_list("event_id", "source")
        .iterator()
    )
    for event in events:
        if known.get(event["id"]) != DeliverySource.WEBHOOK:
            yield Unverified(event["id"], event["type"], event["id"] in known)
