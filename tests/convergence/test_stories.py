"""Each story's deliveries in other orders, with duplicates, and by several clients at once."""

import logging
from collections.abc import Callable, Iterator
from random import Random

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from orders.models import Item
from tests.convergence.acting import Stage
from tests.convergence.performance import Performance
from tests.convergence.sequences import sequences_of, with_duplicates
from tests.convergence.share import AT_MOST, SEED, SHARE, SHARES
from tests.convergence.stories import STORIES
from tests.simulated import SimulatedStripe

pytestmark = pytest.mark.django_db(transaction=True)

CONCURRENT = 25 if AT_MOST is None else 1 + AT_MOST // 50
# The longest first, so that each share takes about as long as the others.
NAMES = sorted(STORIES, key=lambda name: (-STORIES[name].length, name))[SHARE::SHARES]


@pytest.fixture(params=NAMES)
def performance(
    request: pytest.FixtureRequest,
    client: Client,
    mug: Item,
    stripe_side: SimulatedStripe,
) -> Iterator[Performance]:
    client.get(f"/item/{mug.pk}")
    tote = Item.objects.create(name="Waxed canvas tote", price=6400, currency="usd")
    # Each delivery is a line of the log, which takes longer than the delivery's own work.
    logging.disable(logging.WARNING)
    performance = Performance(STORIES[request.param], Stage(client, {"mug": mug.pk, "tote": tote.pk}, stripe_side))
    yield performance
    performance.close()
    logging.disable(logging.NOTSET)


def test_every_story_ends_as_it_says_whatever_the_order(
    request: pytest.FixtureRequest,
    performance: Performance,
    live_server: LiveServer,
    record_property: Callable[[str, object], None],
) -> None:
    name = request.node.callspec.params["performance"]
    seed = f"{SEED} {name}"
    if not performance.divergences:
        try_all(performance, seed, live_server.url)
    record_property("convergence", performance.tally)
    if performance.divergences:
        pytest.fail(f"{name}, seed {SEED}\n" + performance.shortest_divergence(), pytrace=False)


def try_all(performance: Performance, seed: str, base: str) -> None:
    random = Random(seed)  # noqa: S311 no secret: a failure is repeated by its seed
    count = len(performance.captured)
    sequences = sequences_of(count, random, at_most=AT_MOST)
    performance.try_sequences(with_duplicates(sequence, seed) for sequence in sequences)
    for number in range(CONCURRENT):
        sequence = tuple(random.sample(range(count), count))
        performance.try_concurrently(with_duplicates(sequence, f"{seed} {number}"), base)
