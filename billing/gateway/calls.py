"""One call to Stripe: intend it (in the caller's transaction), send it (in none), settle it (in a second one)."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import stripe
import structlog

from billing.accounts import account_named
from billing.events import (
    CallOutcome,
    StripeCallAttempted,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallSucceeded,
    StripeCallUnknown,
)
from billing.gateway.client import Attempt, recorded_attempts, stripe_client
from billing.gateway.errors import KEY_REFUSED, NO_ANSWER, NOT_PERMITTED
from billing.instruments import CALLS
from billing.models import StripeCall
from billing.projections import CallAggregate
from core.logging import id_in
from core.trips import transaction_in_trips

log = structlog.get_logger()

type Body = dict[str, Any]
type Completion = Callable[[StripeCall, "Reply"], object]
type Sender = Callable[[stripe.StripeClient, str, Any, Any], stripe.StripeObject]

SERVER_ERROR = "server_error"
SERVER_ERROR_REPLAYED = "server_error_replayed"
# Stripe's own codes and types.
KEY_IN_USE = "idempotency_key_in_use"
KEY_MISUSED = "idempotency_error"
REFUSED_KEY: dict[int | None, str] = {HTTPStatus.UNAUTHORIZED: KEY_REFUSED, HTTPStatus.FORBIDDEN: NOT_PERMITTED}
OUTCOMES: dict[type[CallOutcome], str] = {
    StripeCallSucceeded: "succeeded",
    StripeCallFailed: "failed",
    StripeCallUnknown: "unknown",
}
SPEAKS_FOR_EVERY_ATTEMPT = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How one operation of a resource is sent; `find` tells what became of it when sending again can't.

    `find` returns Stripe's object, or None when the operation certainly was not carried out. It is None itself for
    plain reads (an unanswered GET has failed) and for what `deletes`: that is sent again until it is answered, since
    a DELETE knows no keys, and to delete what is gone is to have succeeded.
    """

    send: Sender
    find: "Callable[[StripeCall], Body | None] | None" = None
    deletes: bool = False

    @property
    def is_read(self) -> bool:
        return self.find is None and not self.deletes


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is known after trying: the outcome as a fact, the attempts on the wire, and Stripe's object if it
    succeeded (not if it deleted what was gone already).
    """

    outcome: CallOutcome
    attempts: tuple[Attempt, ...] = ()
    error_code: str = ""
    stripe_object: Body | None = None


operations: dict[str, Operation] = {}
completions: dict[str, Completion] = {}


def completes(operation: str) -> Callable[[Completion], Completion]:
    """Decorator: what else is true once a call of this operation is settled.

    The function runs in the transaction that settles the call, whoever learnt of the outcome (the shopper's request
    or the sweeper), and must call `settle_call` itself: after locking its own row, which by the global order comes
    first.
    """

    def register(function: Completion) -> Completion:
        completions[operation] = function
        return function

    return register


def intend_call(
    *,
    account: str,
    operation: str,
    target: str = "",
    body: Body | None = None,
    subject: str = "",
    call_id: UUID | None = None,
) -> StripeCall:
    """Put a call on record, in the caller's transaction; it may be sent once that is committed."""
    call = CallAggregate.begin(call_id or uuid4())
    call.record(
        StripeCallRequested(
            account=account,
            operation=operation,
            idempotency_key=str(call.root.pk),
            target=target,
            body=body or {},
            subject=subject,
        )
    )
    call.save()
    return call.root


def execute_call(call: StripeCall) -> Reply:
    """Send a committed call and record what came of it, with everything that follows from it, in one transaction."""
    return complete_call(call, send_call(call))


def complete_call(call: StripeCall, reply: Reply) -> Reply:
    with named_in_log(call), transaction_in_trips():
        completions.get(call.operation, settle_call)(call, reply)
    return reply


def settle_call(call: StripeCall, reply: Reply) -> bool:
    """Append attempts and outcome; True when this reply settled the call.

    What is settled stays so: under one key Stripe gives one answer, and what follows from it must follow once.
    """
    locked = CallAggregate.load_locked(call.pk)
    for attempt in reply.attempts:
        locked.record(
            StripeCallAttempted(
                number=locked.root.attempts + 1,
                http_status=attempt.http_status,
                error_code=reply.error_code,
                request_id=attempt.request_id,
                replayed=attempt.replayed,
                milliseconds=attempt.milliseconds,
            )
        )
    was_open = locked.root.is_open
    if was_open:
        locked.record(reply.outcome)
    locked.save()
    return was_open and not locked.root.is_open


def send_call(call: StripeCall) -> Reply:
    """One attempt on the wire, the same bytes under the same idempotency key each time. No transaction may be open."""
    with named_in_log(call):
        started = time.perf_counter()
        reply = attempt_call(call)
        seconds = time.perf_counter() - started
        outcome = OUTCOMES[type(reply.outcome)]
        CALLS.labels(call.operation, outcome).observe(seconds)
        log.info(
            "stripe_call.sent",
            operation=call.operation,
            account=call.account,
            outcome=outcome,
            error_code=reply.error_code,
            stripe_request_id=reply.attempts[-1].request_id if reply.attempts else "",
            milliseconds=round(seconds * 1000),
        )
    return reply


def named_in_log(call: StripeCall) -> AbstractContextManager[None]:
    """Every line inside has the call's id, and that of what it is made for: `order_id` for `order-42`."""
    return structlog.contextvars.bound_contextvars(call_id=str(call.pk), **id_in(call.subject))


def attempt_call(call: StripeCall) -> Reply:
    operation = operations[call.operation]
    client = stripe_client(account_named(call.account))
    with recorded_attempts() as attempts:
        try:
            answer = operation.send(client, call.target, call.body, {"idempotency_key": str(call.pk)})
        except stripe.StripeError as error:
            outcome = judge(operation, call.target, error, attempts)
            return Reply(outcome=outcome, attempts=tuple(attempts), error_code=error_code(error))
    stripe_object: Body = answer.to_dict()
    outcome = StripeCallSucceeded(object_id=stripe_object.get("id", ""))
    return Reply(outcome=outcome, attempts=tuple(attempts), stripe_object=stripe_object)


def judge(operation: Operation, target: str, error: stripe.StripeError, attempts: list[Attempt]) -> CallOutcome:
    if operation.is_read:
        return judge_read_error(error, attempts)
    if operation.deletes and error.http_status == HTTPStatus.NOT_FOUND:
        return StripeCallSucceeded(object_id=target)
    return judge_error(error, attempts)


def judge_error(error: stripe.StripeError, attempts: list[Attempt]) -> CallOutcome:
    """Failed only where Stripe is certain never to have carried out this call, whatever became of earlier attempts.

    A validation error is an answer under the key, so it speaks for every attempt. 401, 403, 429 and 409 are given
    before Stripe looks at the key: an earlier attempt, or one under way, may have been carried out. Sending again is
    always safe, so those are unknown, like 5xx and no answer at all. Source: docs.stripe.com/error-low-level and
    docs.stripe.com/api/idempotent_requests (500s are replayed too).
    """
    status = error.http_status
    if status is None:
        return StripeCallUnknown(reason=NO_ANSWER)
    if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        replayed = bool(attempts) and attempts[-1].replayed
        return StripeCallUnknown(reason=SERVER_ERROR_REPLAYED if replayed else SERVER_ERROR)
    code = error_code(error)
    if status in SPEAKS_FOR_EVERY_ATTEMPT and code != KEY_MISUSED:
        return StripeCallFailed(reason=code)
    return StripeCallUnknown(reason=code)


def judge_read_error(error: stripe.StripeError, attempts: list[Attempt]) -> CallOutcome:
    """A read that was not answered has failed: it changes nothing, and whoever needs it reads again.

    That the key is refused is an answer: it stays so until somebody changes the settings.
    """
    judged = judge_error(error, attempts)
    if isinstance(judged, StripeCallUnknown):
        return StripeCallFailed(reason=REFUSED_KEY.get(error.http_status, NO_ANSWER))
    return judged


def error_code(error: stripe.StripeError) -> str:
    """Stripe's code, or its type: machine-readable, never its message, which may quote what was sent."""
    details = error.error
    code = error.code or (details and (getattr(details, "code", None) or getattr(details, "type", None)))
    return str(code or type(error).__name__)[:100]
