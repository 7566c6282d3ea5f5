"""Who causes an event: bound once at the edge (request, delivery, job), read by every append below it, and told in
every log line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

import structlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """`actor` is `shopper`, `visitor` (somebody at the sign-in), `staff:<id>`, `stripe:<account>` or `system:<task>`;
    `cause` a Stripe event's id, or ''.
    """

    actor: str
    correlation_id: str
    cause: str = ""


_current: ContextVar[Provenance] = ContextVar("provenance")


def current() -> Provenance:
    """The provenance in force; LookupError where nobody said who acts, which is a programming error."""
    return _current.get()


@contextmanager
def acting(actor: str, *, correlation_id: str = "", cause: str = "") -> Iterator[None]:
    """Everything appended inside is said to be done by `actor`; an outer correlation id is kept."""
    outer = _current.get(None)
    correlation_id = correlation_id or (outer.correlation_id if outer else uuid4().hex)
    token = _current.set(Provenance(actor=actor, correlation_id=correlation_id, cause=cause))
    said = {"actor": actor, "event_id": cause} if cause else {"actor": actor}
    try:
        with structlog.contextvars.bound_contextvars(**said):
            yield
    finally:
        _current.reset(token)


@contextmanager
def acting_unless_said(actor: str) -> Iterator[None]:
    """As `acting`, where nobody has said who acts: in a shell, in a test."""
    if _current.get(None):
        yield
        return
    with acting(actor):
        yield
