"""Connections to Stripe are kept alive, and shared by the threads of a process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from billing.accounts import account_named
from billing.events import StripeCallSucceeded
from billing.gateway.calls import execute_call
from billing.gateway.client import stripe_client
from billing.gateway.sessions import Sessions
from core.eventlog import provenance
from deploy.bench.stripe_wire import StripeRelay, relayed_stripe
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wire(settings: Any, stripe_side: SimulatedStripe) -> Iterator[StripeRelay]:
    stripe_client.cache_clear()
    with relayed_stripe(settings.STRIPE_API_BASE) as relay:
        settings.STRIPE_API_BASE = relay.url
        yield relay
    stripe_client.cache_clear()


def call_stripe(account: str = "default") -> None:
    """In a thread with a connection of its own to the database."""
    try:
        with provenance.acting("system:test"):
            reply = execute_call(Sessions(account_named(account)).intend("list"))
        assert isinstance(reply.outcome, StripeCallSucceeded)
        assert len(reply.attempts) == 1
    finally:
        connection.close()


def test_calls_of_a_thread_take_one(wire: StripeRelay) -> None:
    for _ in range(3):
        call_stripe()
    assert (wire.connections, wire.requests) == (1, 3)


def test_calls_of_several_threads_and_accounts_take_the_same_one(wire: StripeRelay) -> None:
    for account in ("default", "euro", "default"):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(call_stripe, account).result(10)
    assert (wire.connections, wire.requests) == (1, 3)


def test_calls_at_once_take_one_each_and_keep_them(wire: StripeRelay, stripe_side: SimulatedStripe) -> None:
    """The relay tells how long Stripe took, of all of them together."""
    stripe_side.order_fault("delay", match="GET /v1/checkout/sessions", times=2, seconds=1)
    for _ in range(2):
        with ThreadPoolExecutor(2) as threads:
            for call in [threads.submit(call_stripe) for _ in range(2)]:
                call.result(10)
    assert (wire.connections, wire.requests) == (2, 4)
    assert wire.waited >= 2


def test_one_that_stripe_has_closed_is_replaced_unnoticed(wire: StripeRelay) -> None:
    call_stripe()
    wire.hang_up()
    call_stripe()
    assert (wire.connections, wire.requests) == (2, 2)
