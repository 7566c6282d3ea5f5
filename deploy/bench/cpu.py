"""Seconds of CPU that a tree of processes has used, from Linux's /proc: proc_pid_stat(5)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg

PROC = Path("/proc")


class Used(NamedTuple):
    """`ticks`: its own and those of children that ended and were waited for."""

    parent: int
    ticks: int


def seconds_of_tree(*roots: int) -> float:
    """Of processes and everything below them, living or dead; each counts once, whoever it is below."""
    used = {int(folder.name): one for folder in PROC.glob("[0-9]*") if (one := read_stat(folder))}
    children: dict[int, list[int]] = {}
    for process, one in used.items():
        children.setdefault(one.parent, []).append(process)
    below = {process for root in roots for process in descend(root, children)}
    return sum(used[process].ticks for process in below if process in used) / os.sysconf("SC_CLK_TCK")


def read_stat(folder: Path) -> Used | None:
    """None: it has ended meanwhile."""
    try:
        stat = (folder / "stat").read_text()
    except OSError:
        return None
    # The command's name, which may hold anything, stands in parentheses before them.
    fields = stat.rpartition(")")[2].split()
    return Used(parent=int(fields[1]), ticks=sum(map(int, fields[11:15])))


def descend(root: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, []):
        yield from descend(child, children)


def find_postmaster(database_url: str) -> int | None:
    """None: the server runs elsewhere, or is not to be seen from here."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        folder = PROC / str(row[0] if row else 0)
        try:
            if not (folder / "comm").read_text().startswith("postgres"):
                return None
        except OSError:
            return None
        backend = read_stat(folder)
        return backend.parent if backend else None


def children_of(process: int) -> list[int]:
    """Of its first thread."""
    return [int(child) for child in (PROC / f"{process}/task/{process}/children").read_text().split()]
