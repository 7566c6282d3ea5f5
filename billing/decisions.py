"""What is to be done at Stripe for a counterpart, what the outcome of a call means for it, and how Stripe's differs.

Nothing here changes a row or asks Stripe.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from billing.events import (
    MISSING,
    NOT_CARRIED_OUT,
    NOT_RETIRED,
    CallOutcome,
    StripeCallFailed,
    StripeCallSucceeded,
)
from billing.models import Counterpart, CounterpartState, StripeCall
from billing.projections import MirrorAggregate

# Stripe's code: docs.stripe.com/error-codes#resource-missing
RESOURCE_MISSING = "resource_missing"


class Step(StrEnum):
    CREATE = "create"
    RENAME = "rename"
    RETIRE = "retire"


def next_step(counterpart: Counterpart, at: datetime) -> Step | None:
    """None when all is as it should be, or was refused: that is tried again when somebody asks for it."""
    if counterpart.state == CounterpartState.FAILED:
        return None
    if not counterpart.is_needed(at):
        return Step.RETIRE if counterpart.is_live else None
    if not counterpart.is_live:
        return Step.CREATE
    return Step.RENAME if counterpart.told != counterpart.labels else None


def next_steps(mirror: MirrorAggregate[Any], account: str, at: datetime) -> list[tuple[Step, Counterpart]]:
    """What is to be done at one account: nothing is taken away before what takes its place is there."""
    steps = [(next_step(one, at), one) for one in mirror.counterparts if one.account == account]
    return sorted(((step, one) for step, one in steps if step), key=lambda due: due[0] == Step.RETIRE)


def decide_outcome(mirror: MirrorAggregate[Any], call: StripeCall, outcome: CallOutcome) -> Iterator[object]:
    """What a settled call means for the mirror that it was made for."""
    counterpart = counterpart_behind(mirror, call)
    if counterpart is None:
        return  # it has another object by now
    about: dict[str, Any] = {"account": counterpart.account, "version": counterpart.version}
    step = step_of(call)
    if isinstance(outcome, StripeCallSucceeded):
        what, labels = what_was_done(mirror, counterpart, step), labels_told(counterpart, call, step)
        yield mirror.synced_fact(**about, what=what, object_id=outcome.object_id, labels=labels)
    elif not isinstance(outcome, StripeCallFailed):
        return
    elif outcome.reason != RESOURCE_MISSING or step == Step.CREATE:
        again = outcome.reason == NOT_CARRIED_OUT
        yield mirror.failed_fact(**about, what=step, reason=outcome.reason, again=again)
    elif step == Step.RENAME:
        yield mirror.drift_fact(**about, object_id=call.target, differences=(MISSING,))
    else:
        yield mirror.synced_fact(**about, what="retired", object_id=call.target, labels=counterpart.told)


def counterpart_behind(mirror: MirrorAggregate[Any], call: StripeCall) -> Counterpart | None:
    of_account = [one for one in mirror.counterparts if one.account == call.account]
    if step_of(call) == Step.CREATE:
        version = int(call.body["metadata"]["version"])
        return next((one for one in of_account if one.version == version), None)
    return next((one for one in of_account if one.object_id == call.target), None)


def step_of(call: StripeCall) -> Step:
    verb = call.operation.rpartition(".")[2]
    if verb == "create":
        return Step.CREATE
    retires = verb == "delete" or call.body.get("active") is False
    return Step.RETIRE if retires else Step.RENAME


def what_was_done(mirror: MirrorAggregate[Any], counterpart: Counterpart, step: Step) -> str:
    """As billing.events.CounterpartSynced has it."""
    if step != Step.CREATE:
        return {Step.RENAME: "renamed", Step.RETIRE: "retired"}[step]
    if counterpart.needed_until and not counterpart.is_current:
        return "revived"
    if counterpart.object_id:
        return "recreated"
    others = (one for one in mirror.counterparts if one.account == counterpart.account and one.is_live)
    return "replaced" if any(others) else "created"


def labels_told(counterpart: Counterpart, call: StripeCall, step: Step) -> dict[str, Any]:
    """What Stripe knows the object by now: what was not said when it was made is empty, or as Stripe presumes it."""
    if step == Step.RETIRE:
        return dict(counterpart.told)
    return {name: call.body.get(name, True if name == "active" else "") for name in counterpart.labels}


def differences(counterpart: Counterpart, found: Mapping[str, Any] | None, at: datetime) -> tuple[str, ...]:
    """How Stripe's object (None: there is none) differs from what we left there, as billing.events.DriftFound has it.

    What is about to be done by ourselves is no difference: it is compared with what Stripe was told last.
    """
    if not counterpart.is_live:
        is_back = found is not None and found.get("active", True) and not counterpart.is_needed(at)
        return (NOT_RETIRED,) if is_back else ()
    if found is None:
        return (MISSING,)
    expected = counterpart.terms | counterpart.told
    differing = [name for name, value in expected.items() if not says(found, {name: value})]
    # A coupon that was made anew under our id may have an end of its own.
    return tuple(sorted(differing if found.get("valid", True) else [*differing, "valid"]))


def says(found: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether Stripe's object is as these parameters say; it has numbers for our texts, and null for what is empty."""
    return all(is_same(found.get(name), value) for name, value in parameters.items())


def is_same(found: object, value: object) -> bool:
    if isinstance(value, str) and isinstance(found, int | float) and not isinstance(found, bool):
        try:
            return Decimal(str(found)) == Decimal(value)
        except InvalidOperation:  # ours is no number, whatever Stripe's is
            return False
    return ("" if found is None else found) == value
