"""What becomes of calls that were left open."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone

from billing.accounts import AccountNotConfigured, account_named
from billing.decisions import RESOURCE_MISSING
from billing.events import NOT_CARRIED_OUT, StripeCallFailed, StripeCallSucceeded, StripeCallUnknown
from billing.gateway.calls import (
    KEY_IN_USE,
    KEY_MISUSED,
    SERVER_ERROR_REPLAYED,
    Reply,
    complete_call,
    operations,
    send_call,
)
from billing.gateway.errors import NO_ANSWER, CallSettledError, StripeRefused, StripeUnreachable
from billing.models import OPEN_STATES, StripeCall
from billing.projections import CallAggregate
from core.eventlog import provenance
from core.logging import id_in

log = structlog.get_logger()

# Stripe forgets idempotency keys after 24 hours; an hour is left for clocks that differ.
KEY_LIFETIME = timedelta(hours=23)
# Longer than a call can last (3 s to connect, 15 s to read), so that a call under way is left alone.
IN_FLIGHT = timedelta(seconds=30)
# How long one waits for another's call, and how often it looks.
PATIENCE_SECONDS = 6
PAUSE_SECONDS = 0.25
# The older a question, the less often it is asked: after a tenth of its age.
PATIENCE = 10
# By the prefix of the stream that a call is made for, whether that is live: told by the apps that know, and asked
# before a call is sent once more, since its account may have keys of the other mode by now.
livemode_of: dict[str, Callable[[str], bool | None]] = {}


def open_calls() -> Iterator[StripeCall]:
    """Calls without a final outcome, oldest first."""
    return StripeCall.objects.filter(state__in=OPEN_STATES).order_by("requested_at").iterator()


def sweep_open_calls(*, older_than: timedelta = IN_FLIGHT) -> int:
    """Settle what a crash, a time-out or a dropped connection left open; returns how many calls are settled now.

    Safe to run twice at once: a call is settled once, under its row's lock. A call that can't be settled for a reason
    of its own is logged and does not keep the others waiting; those of an account that is gone, or whose keys are of
    the other mode now, wait for it.
    """
    settled, waiting = 0, Counter[tuple[str, str]]()
    with provenance.acting("system:sweeper"):
        for call in list(open_calls()):
            if not is_due(call, older_than):
                continue
            try:
                refuse_other_keys(call)
                reply = resolve_call(call)
                settled += reply is not None and not isinstance(reply.outcome, StripeCallUnknown)
            except AccountNotConfigured as gone:
                waiting[gone.event, call.account] += 1
            except Exception:
                log.exception(
                    "stripe_call.stuck", call_id=str(call.pk), operation=call.operation, **id_in(call.subject)
                )
                note_try(call)
    for (event, account), open_calls_of in waiting.items():
        log.warning(event, account=account, open_calls=open_calls_of)
    return settled


def refuse_other_keys(call: StripeCall) -> None:
    """Raise AccountNotConfigured unless the call's account is there, with keys of the mode that the call is made in.

    A read that was left open has failed, whatever became of its account.
    """
    if operations[call.operation].is_read:
        return
    is_live = livemode_of.get(call.subject.rpartition("-")[0])
    account_named(call.account, livemode=is_live(call.subject) if is_live else None)


def note_try(call: StripeCall) -> None:
    """The record of the attempt was rolled back too; without this one the call would be tried at every sweep."""
    with CallAggregate.locked(call.pk) as stuck:
        if stuck.root.is_open:
            stuck.record(StripeCallUnknown(reason="stuck"))


def is_due(call: StripeCall, older_than: timedelta) -> bool:
    """Whether nobody has tried for that long, and for a tenth of the call's age."""
    now, requested_at = timezone.now(), call.requested_at or timezone.now()
    idle = now - (call.tried_at or requested_at)
    return idle >= older_than and (not older_than or idle >= (now - requested_at) / PATIENCE)


def resolve_call(call: StripeCall) -> Reply | None:
    """Find out what became of an open call and record it; None when somebody else has learnt of its outcome."""
    return try_call(StripeCall.objects.get(pk=call.pk))


def try_call(call: StripeCall) -> Reply | None:
    """The same for a call that was read, or put on record, just now. Who was quicker is noticed before it is sent, and
    before it is settled.
    """
    if not call.is_open:
        return None
    try:
        reply = find_out(call)
    except CallSettledError:
        return None
    log.info(
        "stripe_call.resolved",
        call_id=str(call.pk),
        operation=call.operation,
        outcome=type(reply.outcome).__name__,
        **id_in(call.subject),
    )
    return complete_call(call, reply)


def try_or_wait(call: StripeCall) -> None:
    """The same; while another process has the call under way, Stripe says that its key is in use, and that one is
    waited for.
    """
    reply = try_call(call)
    if reply is not None and reply.outcome == StripeCallUnknown(reason=KEY_IN_USE):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and StripeCall.objects.get(pk=call.pk).is_open:
            time.sleep(PAUSE_SECONDS)


def find_out(call: StripeCall) -> Reply:
    """Sent (again) under its key while Stripe remembers it, looked up after that; a read that was left open has failed.

    A 500 that Stripe replays would be replayed for ever, so that is looked up too. Not found means that it never
    happened. What deletes has no key, and is sent again at any age.
    """
    operation = operations[call.operation]
    if operation.is_read:
        return Reply(outcome=StripeCallFailed(reason=NO_ANSWER))
    if operation.find is None or not must_look_up(call):
        return send_call(call)
    try:
        found = operation.find(call)
    except StripeUnreachable:
        return Reply(outcome=StripeCallUnknown(reason=call.reason or NO_ANSWER))
    except StripeRefused as refused:
        if refused.ids["reason"] != RESOURCE_MISSING:
            return Reply(outcome=StripeCallUnknown(reason=call.reason or NO_ANSWER))
        # What was to be changed isn't there: it will not be found later either.
        found = None
    if found is None:
        return Reply(outcome=StripeCallFailed(reason=NOT_CARRIED_OUT))
    return Reply(outcome=StripeCallSucceeded(object_id=found["id"]), stripe_object=found)


def must_look_up(call: StripeCall) -> bool:
    age = timezone.now() - call.requested_at if call.requested_at else timedelta()
    return call.reason in {SERVER_ERROR_REPLAYED, KEY_MISUSED} or age > KEY_LIFETIME


def call_named_in(metadata: object, operations: Collection[str]) -> StripeCall | None:
    """The call of ours that an object of Stripe names as its maker, in the metadata that only a holder of the
    account's key can set: which tells two installations on one account apart.
    """
    call_id = call_id_in(metadata)
    return StripeCall.objects.filter(pk=call_id, operation__in=operations).first() if call_id else None


def call_id_in(metadata: object) -> UUID | None:
    """The id that stands there, of a call of ours or of anybody's."""
    try:
        return UUID(metadata["call_id"])  # type: ignore[index] # whatever a webhook brings
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
