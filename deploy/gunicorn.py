"""gunicorn's settings: https://docs.gunicorn.org/en/stable/settings.html."""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from deploy.processes import die_with

# This file is read before the application, and before the workers are forked.
MASTER = os.getpid()
METRICS = f"countersign-metrics-{MASTER}-"


def own_metrics_folder() -> str:
    """Where the workers' counters meet, empty at the start; it stays the same when gunicorn reads this file again."""
    known = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if Path(known).name.startswith(METRICS):
        return known
    for left in Path(tempfile.gettempdir()).glob("countersign-metrics-*-*"):
        if is_gone(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=METRICS)


def is_gone(process: int) -> bool:
    """One that was killed has left its folder."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's
    return process == MASTER  # of the container before, whose first process had the same number


def remove_metrics_folder() -> None:
    if os.getpid() == MASTER:  # its workers end by the same functions
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


# https://prometheus.github.io/client_python/multiprocess/
if __name__ == "__config__":  # as gunicorn calls it; who imports it for its figures serves nothing
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = own_metrics_folder()
    atexit.register(remove_metrics_folder)

# The loopback alone, unless the command line says otherwise.
bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
preload_app = True

# A call to Stripe takes up to 18 s (3 to connect, 15 to read): neither the clock nor a deployment cuts it short.
timeout = 30
graceful_timeout = 25
keepalive = 5

# The application logs its requests itself.
accesslog = None
errorlog = "-"
control_socket_disable = True

# Of a proxy's headers one is believed, from the addresses in FORWARDED_ALLOW_IPS (the loopback by default).
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""


def post_fork(_server: object, _worker: object) -> None:
    """A killed master takes its workers with it, as its supervisor expects."""
    die_with(MASTER, signal.SIGKILL)


def child_exit(_server: object, worker: Any) -> None:
    """What it counted stays in the sums."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 it looks for the folder when imported

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # the package leaves it without annotations
