"""Django's own permissions, which remember what was refused."""

from contextvars import ContextVar

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model

# The first permission that was asked for in this request and that the person has not, '' while there is none.
refused: ContextVar[str] = ContextVar("refused", default="")


class StaffBackend(ModelBackend):
    """The only backend that grants anything."""

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None) -> bool:
        has = super().has_perm(user_obj, perm, obj)
        if not has and not refused.get():
            refused.set(perm)
        return has
