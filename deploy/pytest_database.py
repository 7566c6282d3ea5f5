"""Gives pytest a PostgreSQL of its own when DATABASE_URL is unset; loaded by `-p deploy.pytest_database`.

Not a fixture: pytest-django reads the settings, and with them DATABASE_URL, before any conftest.py is loaded.
"""

import os
from collections.abc import Generator
from contextlib import ExitStack

import pytest

from deploy.postgres import temporary_server


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # A worker of pytest-xdist inherits the variable, and yet needs a server of its own: what is settled in the log is
    # told by the transactions of a whole server.
    if "PYTEST_XDIST_WORKER" in os.environ or not os.environ.get("DATABASE_URL"):
        with ExitStack() as stack:
            os.environ["DATABASE_URL"] = stack.enter_context(temporary_server())
            early_config.add_cleanup(stack.pop_all().close)
    return (yield)
