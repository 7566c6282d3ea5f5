"""What needs a person: each kind is found by a function of its own, and shown to those who may see what it leads to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser


class Tone(IntEnum):
    """How much it presses, most first; what is QUIET goes by itself, most of the time."""

    DANGER = 0
    WARNING = 1
    QUIET = 2


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """Something that has to be done by `at`; `says` is what, with the page at `url`."""

    at: datetime
    says: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Need:
    """`count` things that need a person: `sentence` goes on behind the number, `url` lists exactly these.

    `deadlines` are the next of them, earliest first.
    """

    count: int
    sentence: str
    url: str
    icon: str
    tone: Tone = Tone.WARNING
    deadlines: tuple[Deadline, ...] = ()


type Find = Callable[[], Iterable[Need]]

# In the order in which they are shown among needs of one tone: permissions, all of which it takes to see what is found.
needs: list[tuple[tuple[str, ...], Find]] = []


def finds(*permissions: str) -> Callable[[Find], Find]:
    """Decorator of a function that finds needs, those that whoever has all of these permissions may see.

    It is called for each request of the start page: it reads an index, never a long table. A count of 0 is left out.
    """

    def register(find: Find) -> Find:
        needs.append((permissions, find))
        return find

    return register


def needs_of(user: AbstractBaseUser | AnonymousUser) -> list[Need]:
    """All that this person may see, what presses most first."""
    found = [
        need
        for permissions, find in needs
        if user.has_perms(permissions)  # type: ignore[union-attr] # a mixin of django.contrib.auth's users
        for need in find()
        if need.count
    ]
    return sorted(found, key=lambda need: need.tone)
