"""What follows from Django's own signals: who people are goes on record, whoever changes it and wherever.

`QuerySet.update` sends no signal and walks past this.
"""

from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import m2m_changed, post_save, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from core.eventlog import provenance
from core.models import StaffRecord
from core.staff.facts import StaffRoleChanged, StaffSignedOut
from core.staff.record import put_on_record
from core.staff.sessions import end_sessions, stamp

UNSAID = "system:unattended"
CHANGED = frozenset({"post_add", "post_remove", "post_clear"})
FLAGS = frozenset({"is_active", "is_staff", "is_superuser"})


@receiver(user_logged_in, dispatch_uid="core.stamp_session")
def stamp_session(request: HttpRequest, **_signal: Any) -> None:
    stamp(request.session)


@receiver(user_logged_out, dispatch_uid="core.record_signed_out")
def record_signed_out(user: User | None, **_signal: Any) -> None:
    if user is not None:
        with provenance.acting(f"staff:{user.pk}"):
            put_on_record(user.pk, StaffSignedOut(why="asked"))


@receiver(post_save, sender=User, dispatch_uid="core.record_flags")
def record_flags(instance: User, *, raw: bool, update_fields: frozenset[str] | None, **_signal: Any) -> None:
    if not raw and (update_fields is None or FLAGS & update_fields):
        record_role(instance)


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="core.record_groups")
@receiver(m2m_changed, sender=User.user_permissions.through, dispatch_uid="core.record_permissions")
def record_many(instance: User | Group | Permission, action: str, *, pk_set: set[int] | None, **_signal: Any) -> None:
    if isinstance(instance, User):
        if action in CHANGED:
            record_role(instance)
    elif action == "pre_clear":
        take_from_all(instance)
    elif action in CHANGED:
        for person in User.objects.filter(pk__in=pk_set or ()):
            record_role(person)


@receiver(pre_delete, sender=Group, dispatch_uid="core.record_deleted_group")
@receiver(pre_delete, sender=Permission, dispatch_uid="core.record_deleted_permission")
def take_from_all(instance: Group | Permission, **_signal: Any) -> None:
    """A cascade sends no signal for each person who loses something: take it from them one by one before."""
    for person in instance.user_set.all():
        if isinstance(instance, Group):
            person.groups.remove(instance)
        else:
            person.user_permissions.remove(instance)


@receiver(pre_delete, sender=User, dispatch_uid="core.record_deleted_user")
def record_deleted(instance: User, **_signal: Any) -> None:
    nothing = StaffRoleChanged(groups=(), permissions=(), is_active=False, is_staff=False, is_superuser=False)
    record_if_changed(instance.pk, nothing)


def record_role(person: User) -> None:
    record_if_changed(
        person.pk,
        StaffRoleChanged(
            groups=tuple(person.groups.order_by("pk").values_list("pk", flat=True)),
            permissions=tuple(person.user_permissions.order_by("pk").values_list("pk", flat=True)),
            is_active=person.is_active,
            is_staff=person.is_staff,
            is_superuser=person.is_superuser,
        ),
    )


def record_if_changed(user_id: int, role: StaffRoleChanged) -> None:
    """On record, and the sessions end that were begun in the other role."""
    known = StaffRecord.objects.filter(pk=user_id).first() or StaffRecord()
    if role == role_of(known):
        return
    with provenance.acting_unless_said(UNSAID):
        put_on_record(user_id, role)
    end_sessions(user_id)


def role_of(known: StaffRecord) -> StaffRoleChanged:
    return StaffRoleChanged(
        groups=tuple(known.groups),
        permissions=tuple(known.permissions),
        is_active=known.is_active,
        is_staff=known.is_staff,
        is_superuser=known.is_superuser,
    )
