"""A person's events in words, for the pages about them."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import Event

type Data = dict[str, Any]

SECOND_FACTORS = {
    "totp": gettext_lazy("Signed in with password and code"),
    "recovery_code": gettext_lazy("Signed in with password and a recovery code"),
    "set_up": gettext_lazy("Signed in on setting up the second factor"),
    "not_needed": gettext_lazy("Signed in with the password alone"),
}
ENDS = {
    "asked": gettext_lazy("Signed out"),
    "idle": gettext_lazy("Came back to a session that had been idle too long"),
    "too_long": gettext_lazy("Came back to a session that had lasted too long"),
}
FAILURES = {
    "password": gettext_lazy("Sign-in failed: wrong password"),
    "code": gettext_lazy("Sign-in failed: the password was right, the code was not"),
    "not_staff": gettext_lazy("Sign-in failed: right password, but no access to the admin"),
    "locked": gettext_lazy("Sign-in refused during a lockout"),
}


def locked_out(data: Data) -> str:
    minutes: int = data["seconds"] // 60
    return ngettext("Locked out for %d minute", "Locked out for %d minutes", minutes) % minutes


def denied(data: Data) -> str:
    words = {
        "method": data["method"],
        "view": data["view"],
        "permission": data["permission"] or _("nobody may do this"),
    }
    return _("Denied: %(method)s %(view)s (%(permission)s)") % words


def role_changed(data: Data) -> str:
    if not data["is_active"]:
        return _("Is no active user any more")
    named = dict(Group.objects.filter(pk__in=data["groups"]).values_list("pk", "name"))
    roles = [named.get(group) or _("group %d, deleted since") % group for group in data["groups"]]
    if data["is_superuser"]:
        roles.insert(0, _("superuser"))
    if data["permissions"]:
        count = len(data["permissions"])
        roles.append(ngettext("%d permission of their own", "%d permissions of their own", count) % count)
    sentence = _("Has access to the admin as: %s") if data["is_staff"] else _("Has no access to the admin; is: %s")
    return sentence % (", ".join(roles) or _("nothing"))


SENTENCES: dict[str, Callable[[Data], str]] = {
    "staff.signed_in": lambda data: str(SECOND_FACTORS[data["second_factor"]]),
    "staff.signed_out": lambda data: str(ENDS[data["why"]]),
    "staff.sign_in_failed": lambda data: str(FAILURES[data["why"]]),
    "staff.locked_out": locked_out,
    "staff.denied": denied,
    "staff.second_factor_set": lambda _data: _("Set up the second factor"),
    "staff.second_factor_reset": lambda _data: _("The second factor was reset"),
    "staff.role_changed": role_changed,
}


def sentence_of(event: Event) -> str:
    return SENTENCES[event.kind](event.data)
