"""The command line as it stands in a pipe."""

import os
import subprocess
import sys

from deploy.processes import ROOT
from tests.environment import TEST_ENVIRONMENT


def test_ends_quietly_when_nobody_reads_on() -> None:
    environment = os.environ | TEST_ENVIRONMENT | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "manage.py", "help"],
        cwd=ROOT,
        env=environment,
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
