"""What Stripe posts: docs.stripe.com/api/events/object."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from billing.gateway.signatures import API_VERSION

# An escaped NUL, which PostgreSQL's text can't hold; an escaped backslash before `u0000` is none.
ESCAPED_NUL = rb"\u0000"
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

CLIENT_SECRET = re.compile(rb'("client_secret"\s*:\s*)"(?:[^"\\]|\\.)*"')

# Unix time, up to the year 9999.
type Seconds = Annotated[int, msgspec.Meta(ge=0, lt=253402300800)]
type Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class MalformedEventError(Exception):
    """The body is signed, but it is not an event as Stripe describes it."""


class EventData(msgspec.Struct, frozen=True):
    object: dict[str, Any]


class StripeEvent(msgspec.Struct, frozen=True):
    """The envelope, as far as we read it. `api_version` is null for events that a private version rendered."""

    id: Identifier
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    livemode: bool
    data: EventData
    api_version: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    created: Seconds | None = None

    @property
    def is_our_version(self) -> bool:
        return self.api_version == API_VERSION

    @property
    def created_at(self) -> datetime | None:
        return None if self.created is None else datetime.fromtimestamp(self.created, UTC)

    @property
    def object_id(self) -> str:
        return str(self.data.object.get("id") or "")[:255]


def without_secrets(payload: bytes) -> bytes:
    """The body without what lets its holder pay: `client_secret`, which Stripe's events of a PaymentIntent hold."""
    return CLIENT_SECRET.sub(rb"\1null", payload)


def parse_event(payload: bytes) -> StripeEvent:
    """The event in a body whose signature was verified; raises MalformedEventError."""
    if ESCAPED_NUL in payload and NUL.search(payload):
        raise MalformedEventError("it holds a NUL character, which no id of Stripe has")
    try:
        return msgspec.json.decode(payload, type=StripeEvent)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedEventError(str(error)) from error
