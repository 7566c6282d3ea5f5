"""The parts of `make bench`, in the order in which they run: each measures one thing, and judges it by its goals."""

from deploy.bench import checkout, footprint, replay_part, soak
from deploy.bench.contest import compare
from deploy.bench.counting import count_all
from deploy.bench.goals import VOLUME, WEBHOOKS
from deploy.bench.outcome import Conditions, Outcome, Part
from deploy.bench.picture import draw
from deploy.bench.scale import running_scaled
from deploy.bench.volume import running_with_volume
from deploy.bench.webhooks import ALL, MAIN, running


def webhooks(conditions: Conditions) -> Outcome:
    """Deliveries beside the peers'; the picture is of a whole comparison alone."""
    names = conditions.only or (MAIN if conditions.quick else ALL)
    counts = {} if conditions.quick else count_all(conditions.server_url, names)
    with running(conditions.server_url, names) as contenders:
        outcome, samples = compare("Deliveries", contenders, WEBHOOKS, conditions, counts)
    is_whole = not conditions.quick and set(names) == set(ALL)
    return outcome._replace(picture=draw(samples)) if is_whole else outcome


def volume(conditions: Conditions) -> Outcome:
    """Full tables beside empty ones, and one hot order in each."""
    with running_with_volume(conditions.server_url, conditions.orders) as contenders:
        return compare("Full tables", contenders, VOLUME, conditions)[0]


def scale(conditions: Conditions) -> Outcome:
    """One web process and several, and PgBouncer."""
    with running_scaled(conditions.server_url) as contenders:
        return compare("More processes", contenders, (), conditions)[0]


PARTS: dict[str, Part] = {
    "webhooks": webhooks,
    "checkout": checkout.part,
    "replay": replay_part.part,
    "footprint": footprint.part,
    "volume": volume,
    "soak": soak.part,
}
