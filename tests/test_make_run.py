"""The life of `make run`, in a copy of the project whose path has a space and more bytes than a socket's may."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_IN_A_CLONE = (".git", ".venv", ".local", ".env", "*_cache", "__pycache__", ".hypothesis", "test-results")
LONGER_THAN_A_SOCKET_PATH = "a folder with a long name " * 5

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Project:
    """A copy of the project, with ports of its own and a mark in the environment of every process it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))
        (folder / ".venv").symlink_to(sys.prefix)
        self.port = free_port()
        self.simulator_port = free_port()
        self.mark = uuid.uuid4().hex

    def environment(self) -> dict[str, str]:
        """None of the variables of the tests."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        ports = {"PORT": str(self.port), "SIMULATOR_PORT": str(self.simulator_port)}
        return kept | ports | {"COUNTERSIGN_TEST_MARK": self.mark}

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["make", *arguments],  # noqa: S607 whichever make the developer has
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.popen(*arguments) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def processes(self) -> dict[int, str]:
        """Command lines by process id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue  # it has just ended, or belongs to somebody else
        return found

    def remaining_processes(self) -> dict[int, str]:
        """After the seconds in which they may end; on a busy machine gunicorn takes some."""
        deadline = time.monotonic() + 15
        while (remaining := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return remaining

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


class Run:
    """A `make run` that is ready."""

    def __init__(self, project: Project) -> None:
        self.make = project.popen("run")
        assert self.make.stdout is not None
        assert self.make.stderr is not None
        self.announced = [self.make.stdout.readline() for _ in range(4)]
        if not all(self.announced):
            pytest.fail(self.make.stderr.read())
        self.supervisor = int((project.folder / ".local/run.pid").read_text())

    def close(self) -> None:
        if self.make.poll() is None:
            os.killpg(self.make.pid, signal.SIGKILL)
        self.make.communicate()


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with tempfile.TemporaryDirectory(prefix="countersign ") as parent:
        Path(parent).chmod(0o711)
        project = Project(Path(parent) / LONGER_THAN_A_SOCKET_PATH.strip())
        yield project
        # Root's server has its data elsewhere when a strict umask closes the project to the server's user.
        data = project.folder / ".local/postgres"
        if data.is_symlink():
            shutil.rmtree(data.resolve())


@pytest.fixture
def run(project: Project) -> Iterator[Run]:
    run = Run(project)
    yield run
    run.close()
    assert project.remaining_processes() == {}


class TestReady:
    def test_says_where_everything_is(self, project: Project, run: Run) -> None:
        assert run.announced == [
            f"shop: http://127.0.0.1:{project.port}/\n",
            f"admin: http://127.0.0.1:{project.port}/admin/\n",
            f"simulator: http://localhost:{project.simulator_port}/\n",
            "login: admin / root\n",
        ]
        assert project.get("/healthz") == project.get("/readyz") == 200

        again = project.make("run")
        assert again.returncode != 0
        assert again.stderr.splitlines()[0] == "it runs already; end it with: make stop"

        kept = project.make("manage", "ARGS=shell --no-imports -v0 -c 'print(6 * 7)'")
        assert (kept.stdout, kept.returncode) == ("42\n", 0)
        project.make("manage", "ARGS=createsuperuser --no-input --username=kept --email=")

        assert project.make("stop").stdout == "stopped\n"
        assert run.make.wait(5) == 0


class TestEnds:
    def test_with_its_supervisor_killed_and_keeps_its_data(self, project: Project, run: Run) -> None:
        os.kill(run.supervisor, signal.SIGKILL)
        assert project.remaining_processes() == {}

        count = "from django.contrib.auth.models import User; print(User.objects.filter(username='kept').count())"
        assert project.make("manage", f'ARGS=shell --no-imports -v0 -c "{count}"').stdout == "1\n"

    def test_with_its_make_killed(self, project: Project, run: Run) -> None:
        run.make.kill()
        assert project.remaining_processes() == {}

    def test_when_one_of_its_processes_ends(self, project: Project, run: Run) -> None:
        worker = next(number for number, command in project.processes().items() if " worker " in command)
        os.kill(worker, signal.SIGKILL)
        _, errors = run.make.communicate(timeout=20)
        assert errors.startswith("worker ended with -9")
        assert run.make.returncode != 0

    def test_with_an_interrupt_of_the_terminal(self, run: Run) -> None:
        os.killpg(run.make.pid, signal.SIGINT)
        _, errors = run.make.communicate(timeout=20)
        assert "Traceback" not in errors


class TestRefusals:
    def test_a_taken_port_is_named_with_the_way_out(self, project: Project) -> None:
        with socket.create_server(("127.0.0.1", project.simulator_port)):
            refused = project.make("run")
        assert refused.returncode != 0
        assert refused.stderr.splitlines()[0] == (
            f"port {project.simulator_port} can't be used (Address already in use); "
            f"choose another: make run SIMULATOR_PORT={project.simulator_port + 10}"
        )

    def test_a_port_that_is_no_number(self, project: Project) -> None:
        refused = project.make("run", "PORT=http")
        assert refused.stderr.splitlines()[0] == "PORT must be a number from 1 to 65535, not 'http'"

    def test_nothing_to_stop(self, project: Project) -> None:
        stopped = project.make("stop")
        assert (stopped.stdout, stopped.returncode) == ("nothing runs here\n", 0)
