"""What a probe saw, and what follows from it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

NAMED = 5


class Verdict(StrEnum):
    """A note is worth knowing and nothing has to be done; a probe is skipped where its answer can't be had."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    SKIPPED = "skipped"


class Observation(NamedTuple):
    """`to_do` is one sentence that names a setting or a page, '' where there is nothing to do. Neither text holds a
    key, a secret or personal data.
    """

    verdict: Verdict
    seen: str
    to_do: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An observation of one probe at one account."""

    account: str
    probe: str
    verdict: Verdict
    seen: str
    to_do: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def ok(seen: str) -> Observation:
    return Observation(Verdict.OK, seen)


def note(seen: str, to_do: str = "") -> Observation:
    return Observation(Verdict.NOTE, seen, to_do)


def failed(seen: str, to_do: str) -> Observation:
    return Observation(Verdict.FAILED, seen, to_do)


def skipped(reason: str) -> Observation:
    return Observation(Verdict.SKIPPED, reason)


def some_of(names: Sequence[object]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(str(name) for name in names[:NAMED]) + (f" and {more} more" if more > 0 else "")
