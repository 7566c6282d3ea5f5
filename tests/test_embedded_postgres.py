"""The embedded PostgreSQL is shared by whoever uses it, and ends with the last of them."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dj_database_url
import psycopg
import pytest

from deploy.postgres import running_server, temporary_server
from deploy.processes import ROOT

HOLD = """
import sys, time
from pathlib import Path
from deploy.postgres import running_server
with running_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


def is_up(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def goes_down(url: str) -> bool:
    deadline = time.monotonic() + 5
    while is_up(url) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not is_up(url)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="countersign ") as parent:
        # Root's server runs as another user.
        Path(parent).chmod(0o711)
        yield Path(parent) / "postgres"


@pytest.fixture
def holder(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server, and its DATABASE_URL."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_its_address_suits_django() -> None:
    with temporary_server() as url:
        settings = dj_database_url.parse(url)
        assert settings["ENGINE"] == "django.db.backends.postgresql"
        with psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"]) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
    assert not is_up(url)


def test_two_commands_share_one_server(folder: Path, holder: tuple[subprocess.Popen[str], str]) -> None:
    first, url = holder
    with running_server(folder) as shared:
        assert shared == url
        first.send_signal(signal.SIGKILL)
        first.wait()
        time.sleep(0.5)
        assert is_up(url)
    assert not is_up(url)


def test_the_last_user_killed_ends_it(holder: tuple[subprocess.Popen[str], str]) -> None:
    last, url = holder
    assert is_up(url)
    last.send_signal(signal.SIGKILL)
    assert goes_down(url)


def test_data_outlives_the_server(folder: Path) -> None:
    with running_server(folder) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    with running_server(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
