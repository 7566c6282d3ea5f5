"""gunicorn's settings: https://docs.gunicorn.org/en/stable/settings.html."""

import os
import signal

from deploy.processes import die_with

# This file is read before the workers are forked.
MASTER = os.getpid()

# The loopback alone, unless the command line says otherwise.
bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = 2
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
