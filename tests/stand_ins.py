"""Gives pytest a stand-in Stripe of its own; loaded by `-p tests.stand_ins`, since the settings need its address."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator

import pytest

from deploy.processes import die_with


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    if not os.environ.get("STRIPE_API_BASE"):
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
    return (yield)
