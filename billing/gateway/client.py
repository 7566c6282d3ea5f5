"""The HTTP client under stripe-python: nothing leaves without a committed intent, and every attempt is measured."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from uuid import UUID

import requests
import stripe
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from billing.gateway.errors import CallSettledError, IntentMissingError
from billing.models import OPEN_STATES
from core.configuration import Account
from core.pipeline import Statement
from core.trips import ask

CONNECT_SECONDS = 3
READ_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request on the wire. `http_status` is None when no answer came; `replayed` when Stripe answered from its
    memory; `date` is when it answered by its own clock, as the header has it.
    """

    http_status: int | None
    request_id: str
    replayed: bool
    milliseconds: int
    date: str = ""


_attempts: ContextVar[list[Attempt]] = ContextVar("stripe_attempts")


@contextmanager
def recorded_attempts() -> Iterator[list[Attempt]]:
    """Collects what the client below sends inside."""
    token = _attempts.set([])
    try:
        yield _attempts.get()
    finally:
        _attempts.reset(token)


class JournaledHTTPClient(stripe.HTTPClient):
    """Refuses a request whose idempotency key is not that of a committed call, and records each attempt."""

    name = "countersign"

    def __init__(self) -> None:
        super().__init__()
        self._transport: stripe.HTTPClient = import_string(settings.STRIPE_HTTP_CLIENT)(
            timeout=(CONNECT_SECONDS, READ_SECONDS), session=connections_to_stripe()
        )

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None
    ) -> tuple[Any, int, Mapping[str, str]]:
        require_committed_intent((headers or {}).get("Idempotency-Key", ""))
        status: int | None = None
        answered: Mapping[str, str] = {}
        started = time.perf_counter()
        try:
            answer = self._transport.request(method, url, headers, post_data)
            _, status, answered = answer
        finally:
            _attempts.get().append(
                Attempt(
                    http_status=status,
                    request_id=answered.get("Request-Id", ""),
                    replayed=answered.get("Idempotent-Replayed", "") == "true",
                    milliseconds=round((time.perf_counter() - started) * 1000),
                    date=answered.get("Date", ""),
                )
            )
        return answer

    def close(self) -> None:
        self._transport.close()  # type: ignore[no-untyped-call] # stripe-python leaves it without annotations


def require_committed_intent(idempotency_key: str) -> None:
    """Raise IntentMissingError unless the call is on record, CallSettledError when its outcome is known already.

    `durable` proves that no transaction of ours is open, so what is read behind it is committed.
    """
    try:
        call_id = UUID(idempotency_key)
    except ValueError:
        raise IntentMissingError("the request carries no call id as its idempotency key") from None
    with transaction.atomic(durable=True):
        pass
    [found] = ask(Statement("SELECT state FROM billing_stripecall WHERE id = %s", (call_id,)))
    if not found:
        raise IntentMissingError(f"call {call_id} is not on record")
    if found[0][0] not in OPEN_STATES:
        raise CallSettledError(f"the outcome of call {call_id} is known already")


@cache
def connections_to_stripe() -> requests.Session:
    """Kept alive, and shared by this process's threads, which stripe-python by itself would give one each: a call takes
    one that is free, and opens another only while all are in use. It holds nothing else: no cookies, no keys.
    """
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


@cache
def stripe_client(account: Account) -> stripe.StripeClient:
    """One client for each account: its key, the pinned API version, no retries of its own, no telemetry."""
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        account.secret_key,
        http_client=JournaledHTTPClient(),
        max_network_retries=0,
        base_addresses={"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {},
    )
