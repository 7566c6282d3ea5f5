"""One action on many rows: asked for at once, carried out by a job, each row by itself.

The job may be killed and run again, and two of it may run at once: an action must do nothing twice for the same row and
run. So a row is done once its action has returned, and one that was killed before that is begun again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext
from procrastinate.contrib.django import app

from core.eventlog import provenance
from core.models import BulkItem, BulkItemState, BulkRun
from core.refusals import Refusal

log = structlog.get_logger()

JOB = "core.carry_out_bulk_run"
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class BulkAction:
    """`perform` does it to the row of a key, in the name of who ordered the run, or raises a Refusal.

    `permission` is needed to order it, and still when a row's turn comes. `title` and `sentence` are for people;
    `%(count)d` in the sentence is the number of rows.
    """

    name: str
    permission: str
    title: Any
    sentence: Any
    perform: Callable[[str, BulkRun], object]


actions: dict[str, BulkAction] = {}


def register(action: BulkAction) -> None:
    actions[action.name] = action


def may_still(actor: str, permission: str) -> bool:
    """Whether this person has a permission now; read anew, since roles change while a run lasts."""
    role, _, key = actor.partition(":")
    person = get_user_model().objects.filter(pk=key).first() if role == "staff" and key.isdecimal() else None
    return person is not None and person.has_perm(permission)


def start_run(*, run_id: UUID, action: str, keys: Sequence[str]) -> None:
    """Put a run on record with its job; the same `run_id` again does nothing."""
    with transaction.atomic(durable=True):
        run = BulkRun(id=run_id, action=action, actor=provenance.current().actor, started_at=timezone.now())
        # Who comes second waits here for the first, and then finds the rows.
        BulkRun.objects.bulk_create([run], ignore_conflicts=True)
        if BulkItem.objects.filter(run_id=run_id).exists():
            return
        BulkItem.objects.bulk_create([BulkItem(run_id=run_id, key=key) for key in dict.fromkeys(keys)])
        app.configure_task(JOB, lock=f"{JOB}:{run_id}").defer(run=str(run_id))


def carry_out(run_id: UUID) -> None:
    """Do what is left of a run; returns when nothing is."""
    run = BulkRun.objects.get(pk=run_id)
    action = actions[run.action]
    with provenance.acting(run.actor):
        for item in list(run.items.filter(state=BulkItemState.LEFT).order_by("pk")):
            state, reason = perform(action, item, run)
            BulkItem.objects.filter(pk=item.pk).update(state=state, reason=reason)
    BulkRun.objects.filter(pk=run_id, finished_at=None).update(finished_at=timezone.now())


def perform(action: BulkAction, item: BulkItem, run: BulkRun) -> tuple[BulkItemState, str]:
    """One that fails for a reason of its own does not keep the others waiting; a lost database does."""
    if not may_still(run.actor, action.permission):
        return BulkItemState.REFUSED, gettext("who ordered it may not do that any more")
    try:
        action.perform(item.key, run)
    except Refusal as refusal:
        return BulkItemState.REFUSED, str(refusal)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("bulk.failed", action=run.action, run=str(run.pk), key=item.key)
        return BulkItemState.REFUSED, type(error).__name__
    return BulkItemState.DONE, ""
