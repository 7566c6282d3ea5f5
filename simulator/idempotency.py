"""Idempotency keys: the first answer is kept for a day. Source: docs.stripe.com/api/idempotent_requests."""

import json
from dataclasses import dataclass

from simulator.errors import StripeError, invalid_parameter
from simulator.state import Account, Json
from simulator.world import World

KEPT_SECONDS = 24 * 60 * 60
MAX_LENGTH = 255


@dataclass(frozen=True)
class Memory:
    """What one account remembers about one key; `request` is the path and the parameters of the request at hand."""

    world: World
    account: Account
    key: str
    path: str
    params: Json

    def recall(self) -> Json | None:
        """The saved answer, or None; raises for a key that is in use, too long, or was used for something else."""
        if len(self.key) > MAX_LENGTH:
            raise invalid_parameter(None, f"Idempotency keys may only be up to {MAX_LENGTH} characters long.")
        if (self.account.id, self.key) in self.world.keys_in_use:
            raise StripeError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through). Please try again later.",
                code="idempotency_key_in_use",
            )
        saved = self.account.find("_idempotency", self.key)
        if saved is None or saved["created"] <= self.world.clock.now() - KEPT_SECONDS:
            return None
        if (saved["path"], saved["params"]) != (self.path, self._canonical_params()):
            same = "endpoint" if saved["path"] != self.path else "parameters"
            raise StripeError(
                400,
                f"Keys for idempotent requests can only be used with the same {same} they were first used with. "
                f"Try using a key other than '{self.key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        return saved

    def save(self, status: int, body: Json, request_id: str) -> None:
        request = {"path": self.path, "params": self._canonical_params(), "created": self.world.clock.now()}
        answer = {"status": status, "body": body, "request_id": request_id}
        self.account.note("_idempotency", self.key, request | answer)

    def _canonical_params(self) -> str:
        return json.dumps(self.params, sort_keys=True)
