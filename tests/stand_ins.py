"""Gives pytest a stand-in Stripe of its own; loaded by `-p tests.stand_ins`, since the settings need its address."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator

import pytest

from deploy.processes import die_with


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # A worker of pytest-xdist inherits the variable, and yet empties its stand-in between its tests.
    if "PYTEST_XDIST_WORKER" in os.environ or not os.environ.get("STRIPE_API_BASE"):
        parent = os.getpid()
        simulator = subprocess.Popen(
            [sys.executable, "-m", "simulator", "--port", "0", "--self-check"],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: die_with(parent, signal.SIGTERM),  # noqa: PLW1509 before pytest starts any thread
        )

        def stop() -> None:
            simulator.terminate()
            simulator.wait()
            if simulator.stdout:
                simulator.stdout.close()

        early_config.add_cleanup(stop)
        os.environ["STRIPE_API_BASE"] = simulator.stdout.readline().split()[1] if simulator.stdout else ""
    folder = tempfile.TemporaryDirectory()
    early_config.add_cleanup(folder.cleanup)
    os.environ.setdefault("COUNTERSIGN_TEST_OPERATIONS", f"{folder.name}/operations")
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was asked of Stripe in this run; every request and answer was held to its API description."""
    from tests.contract import operations_used  # noqa: PLC0415 the environment must be complete before stripe is read

    used = operations_used()
    if used:
        terminalreporter.write_line(f"contract: {used.total()} requests by {len(used)} operations of Stripe")
        for operation, count in sorted(used.items()):
            terminalreporter.write_line(f"  {count:6} {operation}")
