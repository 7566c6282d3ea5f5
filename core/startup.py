"""What a process says when it starts; apps above add what they look at."""

from collections.abc import Callable

import structlog
from django.db import Error, connections

log = structlog.get_logger()

checks: list[Callable[[], None]] = []


def run_startup_checks() -> None:
    """Look, and log what an operator should know. A process starts without its database too."""
    try:
        for check in checks:
            check()
    except Error as error:
        log.warning("startup.unchecked", reason=type(error).__name__)
    finally:
        # gunicorn forks its workers after this, and they must not share a connection.
        connections.close_all()
