"""`make stop`: ends the `make run` of this project and waits for its end."""

import fcntl
import os
import signal
import sys
import time

from deploy.locks import try_lock
from deploy.processes import LOCAL, RUNNING

WAIT_SECONDS = 40


def main() -> int:
    LOCAL.mkdir(exist_ok=True)
    with RUNNING.open("a+") as running:
        if try_lock(running, fcntl.LOCK_EX):
            print("nothing runs here")
            return 0
        # Whoever holds the lock has written its id into the file.
        running.seek(0)
        try:
            os.kill(int(running.read()), signal.SIGTERM)
        except PermissionError:
            print("it runs as another user", file=sys.stderr)
            return 1
        deadline = time.monotonic() + WAIT_SECONDS
        while not try_lock(running, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                print(f"it has not ended within {WAIT_SECONDS} s", file=sys.stderr)
                return 1
            time.sleep(0.05)
    print("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
