"""The database that the finance desk is measured on: generated, or one that was generated before."""

import subprocess
import sys
from collections.abc import Mapping

from deploy.bench.scratch import own_database
from deploy.demo import demo_settings
from deploy.processes import ROOT, StepError


def measure_generated(server_url: str, orders: int) -> int:
    """The exit code of the measurement, on a database of its own that is dropped at the end. Raises StepError."""
    with own_database(server_url) as database_url:
        environment = desk_environment(database_url)
        for arguments in (
            ("manage.py", "migrate", "--verbosity=0"),
            ("manage.py", "generate", "--orders", str(orders)),
            ("manage.py", "projections"),
        ):
            if run_python(environment, *arguments):
                raise StepError(f"{' '.join(arguments)} failed")
        return measure_database(database_url)


def measure_database(database_url: str) -> int:
    """As it is; whoever measures signs in to it, and is taken away again."""
    return run_python(desk_environment(database_url), "-m", "deploy.bench.desk")


def desk_environment(database_url: str) -> dict[str, str]:
    """The demo's, in which alone orders are generated: two accounts, and nobody listens at the address of Stripe."""
    return demo_settings() | {"DATABASE_URL": database_url, "DJANGO_DEBUG": "0"}


def run_python(environment: Mapping[str, str], *arguments: str) -> int:
    """The exit code; what it prints is printed."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=False).returncode
