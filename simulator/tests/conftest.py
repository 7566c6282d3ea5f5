import uuid
from collections.abc import Iterator

import pytest

from simulator.tests.running import Receiver, RunningSimulator, Shop


@pytest.fixture(scope="session")
def _shared_simulator() -> Iterator[RunningSimulator]:
    simulator = RunningSimulator()
    yield simulator
    status, errors = simulator.stop()
    assert (status, errors) == (0, "")


@pytest.fixture
def simulator(_shared_simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    """One process for the whole run; tests are kept apart by their accounts, faults are cleared after each."""
    yield _shared_simulator
    _shared_simulator.control("DELETE", "faults")


@pytest.fixture
def shop(simulator: RunningSimulator) -> Iterator[Shop]:
    """A new, empty account."""
    shop = Shop(simulator, f"sk_test_{uuid.uuid4().hex}")
    yield shop
    shop.close()


@pytest.fixture
def receiver(shop: Shop) -> Iterator[Receiver]:
    """The shop's webhook endpoint."""
    with Receiver() as receiver:
        shop.simulator.control("POST", "webhooks", key=shop.key, url=receiver.url, secret=receiver.secret)
        yield receiver
