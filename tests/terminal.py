"""What the commands among the tests share: they speak line by line, and end what they started when they are told to."""

import os
import signal
import sys
from types import FrameType

from deploy.processes import die_with

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Once: the processes are being ended while more signals come."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


def end_when_interrupted() -> None:
    """By a signal, or by the end of make."""
    for number in INTERRUPTIONS:
        signal.signal(number, interrupt)
    die_with(os.getppid(), signal.SIGTERM)
