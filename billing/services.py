"""What becomes of calls that were left open."""

from collections.abc import Iterator
from datetime import timedelta

import structlog
from django.db.models import Q
from django.utils import timezone

from billing.accounts import AccountNotConfigured
from billing.events import StripeCallFailed, StripeCallSucceeded, StripeCallUnknown
from billing.gateway.calls import NO_ANSWER, SERVER_ERROR_REPLAYED, Reply, complete_call, operations, send_call
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.models import OPEN_STATES, StripeCall
from core.eventlog import provenance

log = structlog.get_logger()

# Stripe forgets idempotency keys after 24 hours; an hour is left for clocks that differ.
KEY_LIFETIME = timedelta(hours=23)
# Longer than a call can last (3 s to connect, 15 s to read), so that a call under way is left alone.
IN_FLIGHT = timedelta(seconds=30)


def open_calls(*, older_than: timedelta = timedelta()) -> Iterator[StripeCall]:
    """Calls without a final outcome that nobody has touched for that long, oldest first."""
    untouched = timezone.now() - older_than
    idle = Q(attempted_at=None, requested_at__lte=untouched) | Q(attempted_at__lte=untouched)
    return StripeCall.objects.filter(idle, state__in=OPEN_STATES).order_by("requested_at").iterator()


def sweep_open_calls(*, older_than: timedelta = IN_FLIGHT) -> int:
    """Settle what a crash, a time-out or a dropped connection left open; returns how many calls are settled now."""
    settled = 0
    with provenance.acting("system:sweeper"):
        for call in list(open_calls(older_than=older_than)):
            try:
                reply = complete_call(call, find_out(call))
            except AccountNotConfigured:
                log.warning("stripe_call.account_gone", call_id=str(call.pk), account=call.account)
                continue
            settled += not isinstance(reply.outcome, StripeCallUnknown)
            log.info(
                "stripe_call.swept",
                call_id=str(call.pk),
                operation=call.operation,
                outcome=type(reply.outcome).__name__,
            )
    return settled


def find_out(call: StripeCall) -> Reply:
    """What became of a call: sent again under its key while Stripe remembers keys, looked up after that.

    A 500 that Stripe replays would be replayed for ever, so that is looked up too. Not found means that it never
    happened.
    """
    operation = operations[call.operation]
    if operation.find is None:
        return Reply(outcome=StripeCallFailed(reason=NO_ANSWER))
    if not must_look_up(call):
        return send_call(call)
    try:
        found = operation.find(call)
    except (StripeUnreachable, StripeRefused):
        return Reply(outcome=StripeCallUnknown(reason=call.reason or NO_ANSWER))
    if found is None:
        return Reply(outcome=StripeCallFailed(reason="not_carried_out"))
    return Reply(outcome=StripeCallSucceeded(object_id=found["id"]), stripe_object=found)


def must_look_up(call: StripeCall) -> bool:
    age = timezone.now() - call.requested_at if call.requested_at else timedelta()
    return call.reason == SERVER_ERROR_REPLAYED or age > KEY_LIFETIME
