"""The pieces of the simulator, and what a handler may touch of them."""

import copy
import secrets
import string
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.clock import Clock
from simulator.contract import Contract
from simulator.endpoints import endpoints_for
from simulator.faults import Faults
from simulator.state import Account, Json, Store
from simulator.webhooks import Postman

_ALPHABET = string.ascii_letters + string.digits
REQUESTS_REMEMBERED = 10_000


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass
class World:
    """One running simulator. It is single-threaded: whatever does not await is atomic."""

    public_url: str
    store: Store
    clock: Clock
    faults: Faults
    postman: Postman
    contract: Contract
    self_check: bool = False
    requests: deque[Json] = field(default_factory=lambda: deque(maxlen=REQUESTS_REMEMBERED))
    # (account, idempotency key) of requests whose answer is still on its way.
    keys_in_use: set[tuple[str, str]] = field(default_factory=set)
    _beginnings: list[Callable[["World"], object]] = field(default_factory=list)

    @classmethod
    def create(cls, state_path: str | None = None, *, self_check: bool = False) -> "World":
        """A world that goes on where the state file left it; its public URL is set once its port is known."""
        store = Store(state_path)
        clock = Clock((store.settings.find("_clock", "clock") or {"offset": 0})["offset"])
        faults = Faults()
        return cls("", store, clock, faults, Postman(store, faults), Contract.load(), self_check)

    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.store.settings.note("_clock", "clock", {"offset": self.clock.offset})

    def begin_with(self, beginning: Callable[["World"], object]) -> None:
        """Do what the command line says, now and whenever something was forgotten."""
        self._beginnings.append(beginning)
        beginning(self)

    def forget_account(self, account: Account) -> None:
        account.clear()
        self.faults.clear(account.id)
        self._begin()

    async def forget(self) -> None:
        """Back to the first moment: nothing but what the command line says, in real time."""
        await self.postman.forget()
        self.store.clear()
        self.faults.clear()
        self.requests.clear()
        self.keys_in_use.clear()
        self.clock.offset = 0
        self._begin()

    def _begin(self) -> None:
        for beginning in self._beginnings:
            beginning(self)


@dataclass
class Scope:
    """On whose account something happens, and which API request caused it, if any."""

    world: World
    account: Account
    request_id: str | None = None
    idempotency_key: str | None = None

    @property
    def now(self) -> int:
        return self.world.clock.now()

    def blank(self, kind: str, prefix: str, **values: Any) -> Json:
        """A new object of Stripe's: all its nullable fields null, then `values`."""
        head = {"id": new_id(prefix), "object": kind, "created": self.now, "livemode": self.account.livemode}
        known = self.world.contract.objects[kind]["properties"]
        head = {name: value for name, value in head.items() if name in known}
        return {**self.world.contract.blank(kind), **head, **values}

    def emit(self, kind: str, subject: Json, before: Json | None = None) -> None:
        """Record an event about the object as it is now, and post it to the account's endpoints.

        `before` holds the attributes that changed, as they were.
        """
        request = {"id": self.request_id, "idempotency_key": self.idempotency_key}
        event = self.blank("event", "evt_1", type=kind, api_version=self.world.contract.version, request=request)
        event["livemode"] = subject.get("livemode", self.account.livemode)
        event["data"] = {"object": copy.deepcopy(subject)}
        if before:
            event["data"]["previous_attributes"] = copy.deepcopy(before)
        event["pending_webhooks"] = len(endpoints_for(self.account, kind))
        if self.world.self_check:
            self.world.contract.check_answer(event)
        self.account.put(event)
        self.world.postman.post(self.account, event)


@dataclass
class Call(Scope):
    """One API request that passed the contract: ids from its path, typed parameters."""

    path: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    params: Json = field(default_factory=dict)
