"""Failures that can be ordered from outside with `POST /_sim/faults`.

    timeout_before    not executed; the connection is held for `seconds` (0: a minute), then closed without an answer
    timeout_after     executed, its answer saved under the idempotency key; then as above
    drop              not executed; the connection is closed at once without an answer
    delay             executed at once, answered after `seconds`; until then its idempotency key is in use
    http_500          not executed; a 500 that the idempotency key remembers
    http_429          not executed; a 429 that nothing remembers
    webhook_drop      the event is never delivered; only the Events API has it
    webhook_duplicate delivered twice, at the same time
    webhook_delay     delivered after `seconds` (0: 1 s)
    webhook_reorder   held for `seconds` (0: 1 s); what was held then goes out newest first, one after another

A request matches `METHOD /path`, the path being a glob; an event matches by a glob on its type. An empty `match` is all
of them. With `key`, a secret key, only its account is hit. The oldest fault that matches is used; it is gone after
`times` uses, or stays until `DELETE /_sim/faults` when `times` is 0.
"""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from simulator.state import SECRET_KEY, account_id

REQUEST_FAULTS = frozenset({"timeout_before", "timeout_after", "drop", "delay", "http_500", "http_429"})
WEBHOOK_FAULTS = frozenset({"webhook_drop", "webhook_duplicate", "webhook_delay", "webhook_reorder"})
FIELDS = frozenset({"fault", "match", "times", "seconds", "key"})


class FaultError(ValueError):
    """The fault that was ordered makes no sense; the message says why."""


@dataclass
class Fault:
    """`times` counts down to removal; `used` counts what it has hit."""

    fault: str
    match: str = ""
    times: int = 1
    seconds: float = 0
    account: str | None = None
    used: int = 0

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Fault":
        name = body.get("fault")
        if name not in REQUEST_FAULTS | WEBHOOK_FAULTS:
            raise FaultError(f"unknown fault {name!r}; known: {', '.join(sorted(REQUEST_FAULTS | WEBHOOK_FAULTS))}")
        if unknown := sorted(body.keys() - FIELDS):
            raise FaultError(f"unknown field {unknown[0]!r}; known: {', '.join(sorted(FIELDS))}")
        match, times, seconds = body.get("match", ""), body.get("times", 1), body.get("seconds", 0)
        if not isinstance(match, str) or (match and name in REQUEST_FAULTS and " /" not in match):
            raise FaultError("match has to be 'METHOD /path' for a request, a glob on the event's type for a webhook")
        if not _is_count(times, int) or not _is_count(seconds, (int, float)):
            raise FaultError("times has to be a whole number and seconds a number, neither below 0")
        key = body.get("key")
        if key is not None and not SECRET_KEY.fullmatch(str(key)):
            raise FaultError("key has to be a secret key, sk_test_...")
        return cls(name, match, times, seconds, account_id(key) if key else None)

    def hits_request(self, method: str, path: str, account: str) -> bool:
        wanted_method, _, glob = self.match.partition(" ")
        matches = not self.match or (fnmatchcase(method, wanted_method) and fnmatchcase(path, glob))
        return self.fault in REQUEST_FAULTS and self.account in (None, account) and matches

    def hits_event(self, kind: str, account: str) -> bool:
        matches = fnmatchcase(kind, self.match or "*")
        return self.fault in WEBHOOK_FAULTS and self.account in (None, account) and matches


def _is_count(value: object, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and value >= 0  # type: ignore[operator]


class Faults:
    """The faults that are waiting for something to hit."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def list(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._waiting]

    def clear(self, account: str | None = None) -> None:
        """Forget all faults, or those of one account."""
        self._waiting = [fault for fault in self._waiting if account and fault.account != account]

    def take_for_request(self, method: str, path: str, account: str) -> Fault | None:
        return self._take(next((fault for fault in self._waiting if fault.hits_request(method, path, account)), None))

    def take_for_event(self, kind: str, account: str) -> Fault | None:
        return self._take(next((fault for fault in self._waiting if fault.hits_event(kind, account)), None))

    def _take(self, fault: Fault | None) -> Fault | None:
        if fault:
            fault.used += 1
            if fault.used == fault.times:
                self._waiting.remove(fault)
        return fault
