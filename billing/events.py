"""The facts of a call to Stripe: stream `stripe-call-<uuid>`."""

from dataclasses import dataclass
from typing import Any

from core.eventlog.facts import fact


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
