"""A Python with other packages than ours: made once in `.local/bench`, and again when its requirements change."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.locks import exclusive
from deploy.processes import LOCAL, StepError

ENVIRONMENTS = LOCAL / "bench"


def python_with(requirements: Path, name: str = "") -> Path:
    """The interpreter of the environment of a requirements file; says so when it has to be made. Raises StepError.

    It is named after the file's folder, unless it has another name.
    """
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    folder = ENVIRONMENTS / (name or requirements.parent.name)
    stamp = folder / "made-from"
    wanted = hashlib.sha256(f"{sys.version}\n{folder}\n{requirements.read_text()}".encode()).hexdigest()
    with exclusive(folder.with_suffix(".lock")):
        if not stamp.exists() or stamp.read_text() != wanted:
            print(f"bench: installing {requirements.name} of {folder.name} into {folder}", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            install(folder, requirements)
            stamp.write_text(wanted)
    return folder / "bin/python"


def install(folder: Path, requirements: Path) -> None:
    """By pip, which the environment brings with it."""
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "-r", str(requirements)]):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise StepError(f"{' '.join(command)} failed:\n{done.stderr}")
