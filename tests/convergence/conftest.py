"""Says at the end what was tried; in JSON to the file that CONVERGE_TALLY names, if any."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tallies = list(tallies_of(terminalreporter))
    if not tallies:
        return
    total: Counter[str] = Counter()
    for tally in tallies:
        total.update(tally)
    terminalreporter.write_line("convergence: " + ", ".join(f"{count} {what}" for what, count in total.items()))
    if path := os.environ.get("CONVERGE_TALLY"):
        Path(path).write_text(json.dumps(total))


def tallies_of(terminalreporter: pytest.TerminalReporter) -> Iterator[dict[str, int]]:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        yield from (value for name, value in report.user_properties if name == "convergence")
