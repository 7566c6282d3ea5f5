"""`make manage ARGS="…"`: a management command in the demo's environment, its output and exit code unchanged."""

import os
import signal
import subprocess
import sys
from functools import partial

from deploy.demo import demo_environment
from deploy.processes import ROOT, StepError, die_with, end_with_make


def main() -> int:
    end_with_make()
    try:
        with demo_environment() as environment:
            # Ctrl-C is the command's own business (a shell goes on after it).
            signal.signal(signal.SIGINT, lambda *_: None)
            return subprocess.run(
                [sys.executable, "manage.py", *sys.argv[1:]],
                cwd=ROOT,
                env=environment,
                check=False,
                preexec_fn=partial(die_with, os.getpid(), signal.SIGKILL),
            ).returncode
    except StepError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
