"""Keeps one PostgreSQL server while anyone uses it: `python -m deploy.postgres_keeper FOLDER durable|temporary`."""

import fcntl
import os
import pwd
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from deploy.locks import try_lock
from deploy.postgres import SHORT_FOLDER, START_SECONDS, STOP_SECONDS, Home
from deploy.postgres_binaries import Programs, find_programs, run_as, server_user
from deploy.processes import Child, StepError

OWNER = DATABASE = "countersign"
BUILTIN_LOCALES_SINCE = 17
# Every test worker has connections of its own. No query here is worth being compiled before it is run.
OPTIONS = {"listen_addresses": "", "unix_socket_permissions": "0700", "max_connections": "200", "jit": "off"}
FRAGILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def keep(folder: Path, *, durable: bool) -> None:
    home = Home(folder)
    user = server_user()
    programs = find_programs(user)
    data = initialise(folder.resolve(), programs, user)
    wait_for_former(data)
    with home.users.open("a+") as users, socket_folder(user) as sockets:
        options = OPTIONS | ({} if durable else FRAGILE) | {"unix_socket_directories": str(sockets)}
        server = Child(
            "postgres",
            [programs.folder / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
            log=home.log,
            user=user,
            end_with=signal.SIGINT,
            on_parent_death=signal.SIGINT,
        )
        try:
            publish(home, wait_until_ready(server, sockets))
            while not try_lock(users, fcntl.LOCK_EX):
                server.check()
                time.sleep(0.1)
        finally:
            server.end(STOP_SECONDS)
            if not durable:
                shutil.rmtree(folder.parent, ignore_errors=True)
            home.address.unlink(missing_ok=True)


def initialise(folder: Path, programs: Programs, user: pwd.struct_passwd | None) -> Path:
    """Returns the server's data folder; one that is there is complete, since it is renamed when it is."""
    data = folder / "data"
    if data.exists():
        return data
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    # The same order of texts on every machine.
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = run_as(
        user,
        programs.folder / "initdb",
        f"--pgdata={unfinished}",
        f"--username={OWNER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
        *(builtin if programs.major >= BUILTIN_LOCALES_SINCE else ["--locale=C.UTF-8"]),
    )
    if made.returncode:
        raise StepError(f"initdb failed: {made.stderr}")
    unfinished.rename(data)
    return data


def wait_for_former(data: Path) -> None:
    """A server whose keeper was killed is still ending; PostgreSQL itself judges what is there after that."""
    deadline = time.monotonic() + STOP_SECONDS
    while (data / "postmaster.pid").exists() and time.monotonic() < deadline:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.05)


@contextmanager
def socket_folder(user: pwd.struct_passwd | None) -> Iterator[Path]:
    """Nobody but the server's user (and root) enters it, which is all the authentication there is."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir=SHORT_FOLDER))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(server: Child, sockets: Path) -> str:
    """Returns the DATABASE_URL, its database made."""
    base = f"postgresql://{OWNER}@{quote(str(sockets), safe='')}"
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            server.check()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return f"{base}/{DATABASE}"


def publish(home: Home, url: str) -> None:
    """Whole or not at all: readers look for the file."""
    unfinished = home.address.with_suffix(".unfinished")
    unfinished.write_text(url)
    unfinished.rename(home.address)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder, kind = sys.argv[1:]
    try:
        keep(Path(folder), durable=kind == "durable")
    except StepError as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
