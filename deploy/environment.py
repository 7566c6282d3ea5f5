"""Makes `.venv` from the locked requirements; does nothing when it is up to date. Needs the standard library alone."""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
VENV = ROOT / ".venv"
# Not that of an environment, which may be the one to remove.
PYTHON = os.path.realpath(sys.executable)
STAMP = VENV / "made-from"
REQUIREMENTS = ROOT / "requirements-dev.txt"


def wanted_stamp() -> str:
    """The place is part of it, because the scripts inside an environment know where they were made."""
    return hashlib.sha256(os.fsencode(VENV.resolve()) + b"\n" + REQUIREMENTS.read_bytes()).hexdigest()


def is_current() -> bool:
    try:
        if STAMP.read_text() != wanted_stamp():
            return False
        # The Python below may have been upgraded away.
        return subprocess.run([VENV / "bin/python", "-I", "-S", "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def build_commands() -> list[list[str]]:
    uv = shutil.which("uv")
    target = str(VENV / "bin/python")
    locked = ["--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
    if uv:
        return [
            [uv, "venv", "--quiet", "--no-project", "--python", PYTHON, str(VENV)],
            [uv, "pip", "install", "--python", target, *locked],
        ]
    return [
        [PYTHON, "-m", "venv", str(VENV)],
        # Quiet twice: without pip's warnings.
        [target, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *locked],
    ]


def build() -> None:
    print("environment: installing the locked requirements into .venv", file=sys.stderr)
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    for command in build_commands():
        # Standard output belongs to the command that was asked for.
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            sys.exit(
                "environment: the command above failed (a missing venv module comes with the package python3-venv)"
            )
    STAMP.write_text(wanted_stamp())


def main() -> None:
    # Ctrl-C ends it without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if is_current():
        return
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever held the lock may have done the work.
        if not is_current():
            build()


if __name__ == "__main__":
    main()
