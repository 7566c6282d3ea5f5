"""What a worker has beside its jobs: ids in their log lines, the time that they take, and a `/metrics` of its own."""

import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import structlog
from procrastinate import JobContext
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker

from core.exposition import CONTENT_TYPE, may_read, of_processes
from core.instruments import JOBS

log = structlog.get_logger()


async def observe_job(call_next: AsyncCallNext, context: JobContext, _worker: Worker) -> Any:
    """Around every job. What is bound here stays for Procrastinate's own line about how it ended."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(job_id=context.job.id, task=context.job.task_name)
    started, outcome = time.perf_counter(), "failed"
    try:
        result = await call_next()
        outcome = "succeeded"
    finally:
        JOBS.labels(context.job.task_name, outcome).observe(time.perf_counter() - started)
    return result


class MetricsHandler(BaseHTTPRequestHandler):
    timeout = 5  # seconds for somebody who connects and says nothing
    server_version, sys_version = "countersign", ""

    def do_GET(self) -> None:
        if self.path != "/metrics" or not may_read(self.headers.get("Authorization", "")):
            self.answer(HTTPStatus.NOT_FOUND, b"", "text/plain")
            return
        self.answer(HTTPStatus.OK, of_processes(), CONTENT_TYPE)

    def answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the signature of http.server
        """A scrape every fifteen seconds is no news."""


def serve_metrics(port: int, address: str = "") -> ThreadingHTTPServer | None:
    """On all addresses, since Prometheus is elsewhere; the jobs go on where the port is taken."""
    try:
        server = ThreadingHTTPServer((address, port), MetricsHandler)
    except OSError as error:
        log.warning("metrics.not_served", port=port, reason=error.strerror)
        return None
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
