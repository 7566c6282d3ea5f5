"""What becomes due by the simulator's clock: sessions expire, payments by slow methods settle."""

from collections.abc import Callable, Mapping

from simulator.state import Account
from simulator.world import Scope, World

type Actions = Mapping[str, Callable[[Scope, str], None]]


def schedule(account: Account, action: str, object_id: str, due_at: int) -> None:
    """One object has at most one thing due."""
    account.note("_due", object_id, {"id": object_id, "action": action, "due_at": due_at})


def unschedule(account: Account, object_id: str) -> None:
    account.remove("_due", object_id)


def run_due(world: World, actions: Actions) -> int:
    """Do everything that is due, oldest first; answers how much there was."""
    now = world.clock.now()
    due = [
        (entry["due_at"], account, entry)
        for account in world.store.accounts.values()
        for entry in account.records("_due").values()
        if entry["due_at"] <= now
    ]
    for _, account, entry in sorted(due, key=lambda item: item[0]):
        unschedule(account, entry["id"])
        actions[entry["action"]](Scope(world, account), entry["id"])
    world.store.flush()
    return len(due)
