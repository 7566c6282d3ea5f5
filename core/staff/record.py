"""How the facts of a person fold into their row, and how they are put on record."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction

from core.eventlog.aggregate import Aggregate
from core.eventlog.applying import by_fact
from core.models import StaffRecord
from core.staff.facts import (
    StaffDenied,
    StaffLockedOut,
    StaffRoleChanged,
    StaffSecondFactorReset,
    StaffSecondFactorSet,
    StaffSignedIn,
    StaffSignedOut,
    StaffSignInFailed,
)

NOBODY = 0


class StaffAggregate(Aggregate[StaffRecord]):
    root_model: ClassVar = StaffRecord

    @by_fact
    def apply(self, fact: object, recorded_at: datetime) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact of a person of staff")

    @apply.register
    def _signed_in(self, fact: StaffSignedIn, recorded_at: datetime) -> None:
        self.root.signed_in_at = recorded_at

    @apply.register
    def _signed_out(self, fact: StaffSignedOut, recorded_at: datetime) -> None:
        self.root.signed_out_at = recorded_at

    @apply.register
    def _sign_in_failed(self, fact: StaffSignInFailed, recorded_at: datetime) -> None:
        self.root.failed_at = recorded_at
        if fact.why == "locked":
            self.root.refused_at = recorded_at

    @apply.register
    def _locked_out(self, fact: StaffLockedOut, recorded_at: datetime) -> None:
        self.root.locked_out_at = recorded_at

    @apply.register
    def _denied(self, fact: StaffDenied, recorded_at: datetime) -> None:
        self.root.denied_at = recorded_at

    @apply.register
    def _second_factor_set(self, fact: StaffSecondFactorSet, recorded_at: datetime) -> None:
        self.root.has_second_factor = True

    @apply.register
    def _second_factor_reset(self, fact: StaffSecondFactorReset, recorded_at: datetime) -> None:
        self.root.has_second_factor = False

    @apply.register
    def _role_changed(self, fact: StaffRoleChanged, recorded_at: datetime) -> None:
        person = self.root
        person.groups, person.permissions = list(fact.groups), list(fact.permissions)
        person.is_active, person.is_staff, person.is_superuser = fact.is_active, fact.is_staff, fact.is_superuser


def put_on_record(user_id: int, *facts: object) -> None:
    """At least one fact of this person, in the caller's transaction if there is one."""
    with transaction.atomic():
        # Whoever is first makes the row, and others wait here for it; none sees it without its first fact.
        StaffRecord.objects.bulk_create([StaffRecord(pk=user_id)], ignore_conflicts=True)
        person = StaffAggregate.load_locked(user_id)
        person.record(*facts)
        person.save()
