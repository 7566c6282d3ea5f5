"""Fixtures of the tests that queue jobs."""

from collections.abc import Iterator

import pytest

from billing.tests.mirrors import empty_queue
from core.eventlog import provenance


@pytest.fixture
def mirroring(transactional_db: None) -> Iterator[None]:
    """Somebody acts, and nothing is queued before or after."""
    empty_queue()
    with provenance.acting("system:test"):
        yield
    empty_queue()
