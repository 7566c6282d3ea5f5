"""Child processes of the development commands: each writes a log and ends with its parent."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
# Locked while `make run` runs; holds the id of the process that ends it.
RUNNING = LOCAL / "run.pid"
PR_SET_PDEATHSIG = 1
# How a check says that it could not be made: the exit code that automake's tests have for it.
NOT_DONE = 77
# Loaded here, since it is called between fork and exec.
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class StepError(Exception):
    """What a person is told, instead of a traceback, when a step can't be done."""


def die_with(parent: int, number: signal.Signals) -> None:
    """Has the kernel send `number` to this process when its parent, whose id is `parent`, dies (Linux alone can)."""
    if PRCTL is None:
        return
    PRCTL(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    # It may have died before.
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def end_with_make() -> None:
    """make may be killed alone, and before this process could ask: so deploy/bootstrap.sh notes who started it."""
    started, _, starter = os.environ.get("STARTED_BY", "").partition(" ")
    # The variable may be inherited from another command.
    parent = int(starter) if started == str(os.getpid()) else os.getppid()
    die_with(parent, signal.SIGTERM)


class Identity(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None


def identity(user: pwd.struct_passwd | None) -> Identity:
    """Arguments of subprocess; None: whoever runs this."""
    if user is None:
        return {"user": None, "group": None, "extra_groups": None}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Child:
    """A child in a process group of its own, so that Ctrl-C reaches its supervisor alone, which then ends it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: pwd.struct_passwd | None = None,
        end_with: signal.Signals = signal.SIGTERM,
        on_parent_death: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = log
        self.end_with = end_with
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                # Another user may have no access to the project.
                cwd=ROOT if user is None else "/",
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                **identity(user),
                preexec_fn=partial(die_with, os.getpid(), on_parent_death),  # noqa: PLW1509 takes no lock
            )

    def check(self) -> None:
        """Raises StepError when the child has ended."""
        code = self.process.poll()
        if code is not None:
            raise StepError(f"{self.name} ended with {code}; the end of {self.log}:\n{last_lines(self.log)}")

    def finish(self) -> None:
        """Waits for a child that ends by itself; raises StepError when it fails."""
        if self.process.wait() != 0:
            self.check()

    def ask_to_end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.end_with)

    def end(self, seconds: float) -> None:
        """Asks, waits and then kills, grandchildren of its group included."""
        self.ask_to_end()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def end_all(children: Sequence[Child], seconds: float) -> None:
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + seconds
    for child in children:
        child.end(max(0.0, deadline - time.monotonic()))


def last_lines(log: Path, count: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
