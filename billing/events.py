"""The facts of a call to Stripe (stream `stripe-call-<uuid>`) and of a mirror (`discount-<id>`, `tax-<id>`).

A discount's and a tax's name are in the facts because shoppers were shown them; they name no person.
"""

from dataclasses import dataclass
from typing import Any

from billing.quotes import DiscountTerms, TaxTerms
from core.eventlog.facts import fact

# Why a call has failed that never reached Stripe.
NOT_CARRIED_OUT = "not_carried_out"
# What can differ between a counterpart and Stripe's object beside a parameter of it.
MISSING = "missing"
NOT_RETIRED = "not_retired"


@fact("stripe.call.requested")
@dataclass(frozen=True, kw_only=True)
class StripeCallRequested:
    """The intent, committed before anything leaves: enough to send the very same request again.

    `body` is the request's parameters as stripe-python takes them; it holds no personal data. The call's id is its
    idempotency key. `subject` is the stream that the call is made for, '' when none.
    """

    account: str
    operation: str
    idempotency_key: str
    target: str
    body: dict[str, Any]
    subject: str


@fact("stripe.call.attempted")
@dataclass(frozen=True, kw_only=True)
class StripeCallAttempted:
    """One request on the wire: what came back and how long it took; `http_status` is null when nothing came."""

    number: int
    http_status: int | None
    error_code: str
    request_id: str
    replayed: bool
    milliseconds: int


@fact("stripe.call.succeeded")
@dataclass(frozen=True, kw_only=True)
class StripeCallSucceeded:
    """Stripe did it; `object_id` is what it made or changed."""

    object_id: str


@fact("stripe.call.failed")
@dataclass(frozen=True, kw_only=True)
class StripeCallFailed:
    """Stripe refused, or it is certain that it never did it. The next try is a new call with a new key."""

    reason: str


@fact("stripe.call.unknown")
@dataclass(frozen=True, kw_only=True)
class StripeCallUnknown:
    """Nobody knows yet whether Stripe did it; the sweeper will find out."""

    reason: str


type CallOutcome = StripeCallSucceeded | StripeCallFailed | StripeCallUnknown


@dataclass(frozen=True, kw_only=True)
class SyncRequested:
    """What Stripe should have from now on: these terms at these accounts, or nothing once `deleted`.

    `change` says why: `saved`, `deleted`, `asked` (by staff, again) or `found` (by the check, what no signal had told).
    `installation` tells our objects at Stripe from those of others.
    """

    change: str
    deleted: bool
    accounts: tuple[str, ...]
    installation: str


@dataclass(frozen=True, kw_only=True)
class VersionNeeded:
    """An order that was placed with this version is being paid: it is needed at this account for a day more."""

    account: str
    installation: str


@dataclass(frozen=True, kw_only=True)
class CounterpartSynced:
    """One step was done at Stripe, to `object_id`, which is called as `labels` say (Stripe's parameters).

    `what` is `created` (the first), `replaced` (made in the place of another version), `revived` (a version that is not
    the current one), `recreated` (what had gone missing), `renamed` or `retired`.
    """

    account: str
    version: int
    what: str
    object_id: str
    labels: dict[str, str | bool]


@dataclass(frozen=True, kw_only=True)
class CounterpartFailed:
    """One step (`create`, `rename` or `retire`) was not done; `reason` is Stripe's code.

    `again` says that it is tried again by itself: it was not refused, it only never reached Stripe.
    """

    account: str
    version: int
    what: str
    reason: str
    again: bool


@dataclass(frozen=True, kw_only=True)
class DriftFound:
    """Somebody changed our object at Stripe: the names of the parameters that differ, `missing` or `not_retired`."""

    account: str
    version: int
    object_id: str
    differences: tuple[str, ...]


@fact("discount.sync_requested")
@dataclass(frozen=True, kw_only=True)
class DiscountSyncRequested(SyncRequested):
    terms: DiscountTerms


@fact("discount.version_needed")
@dataclass(frozen=True, kw_only=True)
class DiscountVersionNeeded(VersionNeeded):
    terms: DiscountTerms


@fact("discount.synced")
@dataclass(frozen=True, kw_only=True)
class DiscountSynced(CounterpartSynced):
    """Of a coupon."""


@fact("discount.sync_failed")
@dataclass(frozen=True, kw_only=True)
class DiscountSyncFailed(CounterpartFailed):
    """Of a coupon."""


@fact("discount.drift_found")
@dataclass(frozen=True, kw_only=True)
class DiscountDriftFound(DriftFound):
    """Of a coupon."""


@fact("tax.sync_requested")
@dataclass(frozen=True, kw_only=True)
class TaxSyncRequested(SyncRequested):
    terms: TaxTerms
    jurisdiction: str
    country: str


@fact("tax.version_needed")
@dataclass(frozen=True, kw_only=True)
class TaxVersionNeeded(VersionNeeded):
    terms: TaxTerms


@fact("tax.synced")
@dataclass(frozen=True, kw_only=True)
class TaxSynced(CounterpartSynced):
    """Of a tax rate."""


@fact("tax.sync_failed")
@dataclass(frozen=True, kw_only=True)
class TaxSyncFailed(CounterpartFailed):
    """Of a tax rate."""


@fact("tax.drift_found")
@dataclass(frozen=True, kw_only=True)
class TaxDriftFound(DriftFound):
    """Of a tax rate."""
