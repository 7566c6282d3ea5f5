"""File locks of the development commands: the kernel drops them when their holder ends, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def exclusive(path: Path) -> Iterator[IO[str]]:
    """Waits for the lock; yields the locked file."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def try_lock(file: IO[str] | int, kind: int) -> bool:
    """`kind` is `fcntl.LOCK_EX` or `fcntl.LOCK_SH`; converts a lock that is already held."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
