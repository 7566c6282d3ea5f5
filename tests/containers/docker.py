"""Commands at Docker, and at the scripts that use it."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.processes import ROOT, StepError

COMPOSE = ("docker", "compose")
# Where the plugin is not there: the older program, which reads the same files.
OLDER_COMPOSE = ("docker-compose",)


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What it wrote to stdout; raises StepError when it failed."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, check=False, text=True, capture_output=True
    )
    if done.returncode:
        raise StepError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def compose_program() -> tuple[str, ...]:
    plugin = subprocess.run([*COMPOSE, "version"], check=False, capture_output=True)
    if plugin.returncode == 0:
        return COMPOSE
    if shutil.which(OLDER_COMPOSE[0]):
        return OLDER_COMPOSE
    raise StepError("this needs Docker with its compose plugin, or docker-compose")


class Project:
    """The containers of some compose files."""

    def __init__(self, name: str, folder: Path, *files: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = {**(environment or {}), "COMPOSE_PROJECT_NAME": name}
        self.command = (*compose_program(), *(part for file in files for part in ("--file", str(file))))

    def compose(self, *arguments: str) -> str:
        return run([*self.command, *arguments], folder=self.folder, environment=self.environment)

    def states(self) -> dict[str, str]:
        """Of each container of a service that runs: healthy, or what it is instead."""
        found = {}
        for container in self.compose("ps", "-aq").split():
            [state] = json.loads(run(["docker", "inspect", container], folder=self.folder))
            name = state["Config"]["Labels"]["com.docker.compose.service"]
            health = state["State"].get("Health", {}).get("Status")
            found[name] = health or f"{state['State']['Status']} ({state['State']['ExitCode']})"
        return found

    def published(self) -> set[str]:
        """Addresses of this machine that lead into a container."""
        containers = self.compose("ps", "-aq").split()
        lines = [run(["docker", "port", container], folder=self.folder) for container in containers]
        return {line.partition(" -> ")[2] for line in "".join(lines).splitlines()}


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StepError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.5)


def build_images(application: str) -> None:
    """The two targets of deploy/Dockerfile, with the product's named `application`. Where a build has to share this
    machine's network, BUILD_OPTIONS="--network=host" says so.
    """
    for target, image in {"application": application, "simulator": "countersign-simulator"}.items():
        options = os.environ.get("BUILD_OPTIONS", "").split()
        build = ["docker", "build", *options, "--file", "deploy/Dockerfile", "--target", target, "--tag", image, "."]
        run(build, folder=ROOT)


def image_sizes(*images: str) -> dict[str, str]:
    """In MB, as `docker images` counts: layers that are shared count for each."""
    sizes = {}
    for image in images:
        [found] = json.loads(run(["docker", "image", "inspect", image], folder=Path.cwd()))
        sizes[image] = f"{found['Size'] / 1e6:.0f} MB"
    return sizes
