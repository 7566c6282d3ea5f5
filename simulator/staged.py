"""What a test has ordered for the next object of a kind: `POST /_sim/refunds {"next": ...}` and the like.

An order is a note of the account that it is meant for, or of no account when it is meant for whichever comes first.
"""

from typing import Any

from simulator.state import Account
from simulator.world import Scope, World

_KIND = "_staged"


def stage(world: World, secret_key: str | None, kind: str, value: Any, times: int = 1) -> None:
    """Give the next objects of this kind `value`; it replaces what was ordered before. `times` 0: until cleared."""
    account = world.store.open_account(secret_key) if secret_key else world.store.settings
    account.note(_KIND, kind, {"value": value, "times": times})


def take_staged(scope: Scope, kind: str) -> Any:
    """What was ordered for this object, or None; an order for the account goes before one for any."""
    for account in (scope.account, scope.world.store.settings):
        if order := account.find(_KIND, kind):
            _use_up(account, kind, order["value"], order["times"])
            return order["value"]
    return None


def clear_staged(world: World, kind: str) -> None:
    for account in world.store.accounts.values():
        account.remove(_KIND, kind)


def _use_up(account: Account, kind: str, value: Any, times: int) -> None:
    if times == 1:
        account.remove(_KIND, kind)
    elif times > 1:
        account.note(_KIND, kind, {"value": value, "times": times - 1})
