"""Processes that work for a command."""

import os
import subprocess
import sys

from deploy.processes import ROOT

COMMAND = """
import django, os, time
django.setup()
from core.processes import pool_of
pool = pool_of(1)
print(pool.submit(os.getpid).result() != os.getpid(), flush=True)
time.sleep(60)
"""


class TestTheProcessesOfACommand:
    def test_end_with_it_even_if_it_is_killed(self) -> None:
        command = subprocess.Popen([sys.executable, "-c", COMMAND], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE)
        assert command.stdout
        assert command.stdout.readline() == b"True\n"
        command.kill()
        # The other end of the pipe is held by every process that began with it.
        assert command.communicate(timeout=10)[0] == b""
