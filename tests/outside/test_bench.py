"""`make bench` measures what it says; its figures are nobody's business here."""

import re
import subprocess
import sys

import pytest

from deploy.processes import ROOT

ROWS = [
    "deliveries per second",
    "deliveries to the same SQL by pgbench",
    "deliveries to an empty view",
    "p50 of a delivery, ms",
    "p99 of a delivery, ms",
    "SQL statements, first",
    "SQL statements, again",
    "SQL statements, unhandled type",
]


@pytest.fixture(scope="module")
def printed() -> str:
    command = [sys.executable, "-m", "deploy.bench", "--quick"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("row", ROWS)
def test_prints_a_figure_for(printed: str, row: str) -> None:
    assert re.search(rf"^{row} +[\d.]+", printed, re.MULTILINE), printed
