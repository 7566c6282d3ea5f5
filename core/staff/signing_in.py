"""Signing in: a password, then a code; between the two nobody is signed in, the session only remembers who knocked."""

import time
import unicodedata
from datetime import timedelta
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_otp import login as remember_device
from django_otp.models import Device

from core.eventlog import provenance
from core.models import StaffRecord
from core.staff import lockout
from core.staff.facts import StaffLockedOut, StaffSignedIn, StaffSignInFailed
from core.staff.record import NOBODY, put_on_record

BACKEND = "core.staff.backend.StaffBackend"
KNOCKED = "knocked"
KNOCK_SECONDS = 10 * 60
# What anybody can cause without end is told once in so long: failures with names that nobody has, and with locked ones.
TOLD_ONCE_IN = timedelta(minutes=1)


def remember_knock(request: HttpRequest, user: User, next_page: str) -> None:
    """The password was right. A new session, lest somebody knows the key of this one."""
    request.session.flush()
    request.session[KNOCKED] = {
        "user": user.pk,
        "password": user.get_session_auth_hash(),
        "at": int(time.time()),
        "next": next_page,
    }


def who_knocked(request: HttpRequest) -> tuple[User, str] | None:
    """The person whose password was right, and where they want to go; None when that was too long ago."""
    knock: dict[str, Any] | None = request.session.get(KNOCKED)
    if not knock or time.time() - knock["at"] > KNOCK_SECONDS:
        return None
    user = User.objects.filter(pk=knock["user"], is_active=True, is_staff=True).first()
    if user is None or not constant_time_compare(knock["password"], user.get_session_auth_hash()):
        return None
    return user, knock["next"]


def sign_in(request: HttpRequest, user: User, *, used: str, device: Device | None = None) -> None:
    """On record first: who can't be recorded is not let in. `used` is as in StaffSignedIn."""
    with transaction.atomic(), provenance.acting(f"staff:{user.pk}"):
        put_on_record(user.pk, StaffSignedIn(second_factor=used))
        request.session.flush()
        login(request, user, backend=BACKEND)
        if device is not None:
            remember_device(request, device)


def record_failure(request: HttpRequest, username: str, why: str) -> None:
    """A failure, and the lockout if it was the one too many. The log gets no name, known or not."""
    user_id = user_id_of(username)
    facts: list[object] = [StaffSignInFailed(why=why)]
    if lockout.is_locked(request, username):
        facts.append(StaffLockedOut(seconds=int(lockout.cool_off().total_seconds())))
    tell(user_id, facts, is_told=told_lately("failed_at", user_id) and user_id == NOBODY)


def record_refusal(username: str) -> None:
    """An attempt during a lockout."""
    user_id = user_id_of(username)
    tell(user_id, [StaffSignInFailed(why="locked")], is_told=told_lately("refused_at", user_id))


def tell(user_id: int, facts: list[object], *, is_told: bool) -> None:
    """What was told lately costs the same work, and nothing of it is kept: the time of an answer gives no name away."""
    with provenance.acting("visitor"), transaction.atomic():
        put_on_record(user_id, *facts)
        transaction.set_rollback(is_told)


def told_lately(moment: str, user_id: int) -> bool:
    """Read without a lock: two at once may both tell."""
    since = timezone.now() - TOLD_ONCE_IN
    return StaffRecord.objects.filter(**{"pk": user_id, f"{moment}__gt": since}).exists()


def user_id_of(username: str) -> int:
    return User.objects.filter(username=username).values_list("pk", flat=True).first() or NOBODY


def normalized(username: str) -> str:
    """As Django's form has it when it asks for the user; '' where nobody can have that name: no text holds a NUL."""
    return "" if "\0" in username else unicodedata.normalize("NFKC", username.strip())
