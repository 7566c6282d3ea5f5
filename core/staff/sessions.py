"""Sessions are staff's alone: shoppers have a signed cookie. They end when idle, too old, or begun in another role."""

import time

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.utils import timezone

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600
# The stamp is not written with every page: a session ends at most so much earlier than said.
STAMP_SECONDS = 60

BEGAN, SEEN = "signed_in_at", "seen_at"


def stamp(session: SessionBase) -> None:
    """At sign-in."""
    session[BEGAN] = session[SEEN] = now()


def why_over(session: SessionBase) -> str:
    """`idle`, `too_long`, or '' while the session lasts. One without stamps is over."""
    if now() - session.get(BEGAN, 0) >= LONGEST_SECONDS:
        return "too_long"
    return "idle" if now() - session.get(SEEN, 0) >= IDLE_SECONDS else ""


def note_activity(session: SessionBase) -> None:
    if now() - session.get(SEEN, 0) >= STAMP_SECONDS:
        session[SEEN] = now()
        # At once: who changes their own role ends this session, which could not be saved behind that.
        session.save()
        session.modified = False


def end_sessions(user_id: int) -> None:
    """All of this person, by looking at every session there is: only staff have any."""
    ended = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=timezone.now())
        if session.get_decoded().get(SESSION_KEY) == str(user_id)
    ]
    Session.objects.filter(pk__in=ended).delete()


def now() -> int:
    return int(time.time())
