"""How much of PostgreSQL a delivery takes, told by the wire: the same contenders once more, by way of a relay."""

from collections.abc import Sequence

from deploy.bench.contender import Posted
from deploy.bench.load import send_all
from deploy.bench.webhooks import running
from deploy.bench.wire import Counts, Relay, relayed

# So often has each connection done it before that everything is prepared, and nothing is looked up for the first time.
WARM_UP, COUNTED = 160, 16


def count_all(server_url: str, names: Sequence[str]) -> dict[str, Counts]:
    """By the contender's name; of those that a server answers. Raises StepError."""
    with relayed(server_url) as (url, relay), running(url, names) as contenders:
        return {one.name: count(one, relay) for one in contenders if isinstance(one, Posted)}


def count(contender: Posted, relay: Relay) -> Counts:
    """Of one delivery, on average."""
    [warm_up] = contender.prepare(WARM_UP, 1)
    contender.run(warm_up)
    [numbers] = contender.prepare(COUNTED, 1)
    before = relay.counts
    send_all(contender.port, [contender.request(number) for number in numbers])
    found = [after - earlier for after, earlier in zip(relay.counts, before, strict=True)]
    return Counts(*(round(one / COUNTED) for one in found))
