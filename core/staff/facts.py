"""The facts of one person of staff, in the stream `staff-<user id>`; `staff-0` is whoever gave a name that nobody has.

No name, no address and no text that somebody typed: people and groups are ids.
"""

from dataclasses import dataclass

from core.eventlog.facts import fact


@fact("staff.signed_in")
@dataclass(frozen=True, kw_only=True)
class StaffSignedIn:
    """`second_factor` is `totp`, `recovery_code`, `set_up` (it was set in this sign-in) or `not_needed` (the demo)."""

    second_factor: str


@fact("staff.signed_out")
@dataclass(frozen=True, kw_only=True)
class StaffSignedOut:
    """`why` is `asked`, `idle` or `too_long`; the latter two are told when somebody comes back with the session."""

    why: str


@fact("staff.sign_in_failed")
@dataclass(frozen=True, kw_only=True)
class StaffSignInFailed:
    """`why` is `password`, `code`, `not_staff` (the password was right) or `locked`."""

    why: str


@fact("staff.locked_out")
@dataclass(frozen=True, kw_only=True)
class StaffLockedOut:
    """Too many failures with this name from one address: for so long nobody signs in with it from there."""

    seconds: int


@fact("staff.denied")
@dataclass(frozen=True, kw_only=True)
class StaffDenied:
    """The admin answered 403. `permission` is the first one that was asked for and missing, '' where nobody may."""

    view: str
    method: str
    permission: str


@fact("staff.second_factor_set")
@dataclass(frozen=True, kw_only=True)
class StaffSecondFactorSet:
    """A device of theirs gave a right code, and is asked for from now on."""


@fact("staff.second_factor_reset")
@dataclass(frozen=True, kw_only=True)
class StaffSecondFactorReset:
    """Somebody took their device and their recovery codes away."""


@fact("staff.role_changed")
@dataclass(frozen=True, kw_only=True)
class StaffRoleChanged:
    """What they are from now on: ids of groups, ids of permissions given to them alone, and Django's flags."""

    groups: tuple[int, ...]
    permissions: tuple[int, ...]
    is_active: bool
    is_staff: bool
    is_superuser: bool
