"""The PostgreSQL of development and tests: no installation, no port, ended with the last command that uses it.

A server is kept by a process of its own, the keeper (`deploy/postgres_keeper.py`). Whoever uses the server holds a
shared lock on a file; the keeper ends the server when it gets that lock alone. So several commands share one server,
and none of them, killed or not, leaves one behind.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from deploy.locks import exclusive, try_lock
from deploy.postgres_binaries import SYSTEM_FOLDER, run_as, server_user
from deploy.processes import ROOT, StepError, last_lines

START_SECONDS = 60
STOP_SECONDS = 20
# A socket's path may hold 107 bytes, 103 on macOS: neither the project's folder nor TMPDIR is sure to be short.
SHORT_FOLDER = "/tmp"  # noqa: S108 folders with random names are made in it


class Home:
    """The files of one server: a folder for its data, and beside it those by which its users and its keeper meet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.users = folder.with_name(folder.name + ".users")
        self.starting = folder.with_name(folder.name + ".starting")
        self.address = folder.with_name(folder.name + ".address")
        self.log = folder.with_name(folder.name + ".log")

    def read_url(self) -> str:
        return self.address.read_text()

    def answers(self) -> bool:
        try:
            psycopg.connect(self.read_url(), connect_timeout=5).close()
        except (FileNotFoundError, psycopg.OperationalError):
            return False
        return True


@contextmanager
def running_server(folder: Path, *, durable: bool = True) -> Iterator[str]:
    """Yields the DATABASE_URL of the server whose data is in `folder`, started if none runs there.

    `durable=False` turns off what protects the data when the machine fails. Raises StepError.
    """
    home = Home(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with home.users.open("a+") as users:
        # Waits while a keeper is ending its server.
        fcntl.flock(users, fcntl.LOCK_SH)
        keeper: subprocess.Popen[bytes] | None = None
        with exclusive(home.starting):
            if not home.answers():
                keeper = _start(home, durable=durable)
        try:
            yield home.read_url()
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            if _ended(home) and keeper is not None:
                keeper.wait()


@contextmanager
def temporary_server() -> Iterator[str]:
    """Yields the DATABASE_URL of an empty server for tests; its data is removed with it."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir=SHORT_FOLDER))
    # The server's user passes through to its data.
    folder.chmod(0o711)
    try:
        with running_server(folder / "postgres", durable=False) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(home: Home, *, durable: bool) -> subprocess.Popen[bytes]:
    _prepare_folder(home.folder)
    home.address.unlink(missing_ok=True)
    home.log.unlink(missing_ok=True)
    kind = "durable" if durable else "temporary"
    command = [sys.executable, "-m", "deploy.postgres_keeper", str(home.folder), kind]
    with home.log.open("ab") as log:
        # In a session of its own: neither Ctrl-C nor a closed terminal ends the server under its other users.
        keeper = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        if home.address.exists():
            return keeper
        time.sleep(0.02)
    raise StepError(f"PostgreSQL did not start; the end of {home.log}:\n{last_lines(home.log)}")


def _ended(home: Home) -> bool:
    """Waits for the end of the server, unless others use it."""
    deadline = time.monotonic() + STOP_SECONDS
    while home.address.exists() and not _has_other_users(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not home.address.exists()


def _has_other_users(home: Home) -> bool:
    """The keeper takes the lock alone, users share it."""
    with home.users.open("a+") as users:
        return not try_lock(users, fcntl.LOCK_EX) and try_lock(users, fcntl.LOCK_SH)


def _prepare_folder(folder: Path) -> None:
    """Makes the folder of the data and hands it to the server's user.

    Where that user can't reach the project, the data goes to a place of the system, with a link to it.
    """
    user = server_user()
    if folder.is_symlink() and not folder.exists():
        folder.unlink()
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is None:
        return
    os.chown(folder, user.pw_uid, user.pw_gid)
    if run_as(user, "test", "-w", folder.resolve()).returncode == 0:
        return
    SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    reachable = Path(tempfile.mkdtemp(prefix="data-", dir=SYSTEM_FOLDER))
    os.chown(reachable, user.pw_uid, user.pw_gid)
    # With owners and times; it holds data when the project was closed to others only now.
    subprocess.run(["cp", "-a", f"{folder}/.", reachable], check=True)
    shutil.rmtree(folder)
    folder.symlink_to(reachable)
    print(f"postgres: the user {user.pw_name} can't reach {folder}: the data is in {reachable}", file=sys.stderr)
