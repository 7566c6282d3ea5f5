"""Fixtures for all tests: the log may be emptied between them, and no request may break Stripe's contract."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests import contract


@pytest.fixture(scope="session", autouse=True)
def emptiable_log(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests that commit end with TRUNCATE, which the log refuses by a trigger of its own; only here it is dropped."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER core_event_no_truncate ON core_event")


@pytest.fixture(autouse=True)
def contract_kept() -> Iterator[None]:
    """Fails the test in which a request to Stripe, or its answer, was not as Stripe's API description has it."""
    contract.violations.clear()
    yield
    assert contract.violations == []
