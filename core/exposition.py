"""`/metrics`: what the processes have counted, and what is read from the database when Prometheus asks.

Apps register functions that read (`@reads`). They use indexes alone, and each has a short time: a scrape must cost the
shop nothing (docs/decisions/0024-metrics.md).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hmac import compare_digest

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = structlog.get_logger()

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# All readings together stay below the ten seconds that Prometheus waits.
STATEMENT_MILLISECONDS = 500

type Reading = Callable[[], Iterable[Metric]]

readings: dict[str, Reading] = {}


def reads(name: str) -> Callable[[Reading], Reading]:
    """Decorator: the function's metrics are part of `/metrics`; it runs in a transaction of its own."""

    def register(function: Reading) -> Reading:
        readings[name] = function
        return function

    return register


def gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"countersign_{name}", documentation, value=value)


def gauges(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    """One gauge with a sample for each value of its label."""
    family = GaugeMetricFamily(f"countersign_{name}", documentation, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def seconds_since(moment: datetime | None) -> float:
    """0 where there is none, or where it lies ahead."""
    return max(0.0, (timezone.now() - moment).total_seconds()) if moment else 0.0


class DatabaseReadings(Collector):
    """What is read when it is asked for; a reading that fails is missing, and keeps no other from being there."""

    def collect(self) -> Iterator[Metric]:
        is_up = database_answers()
        yield gauge("database_up", "Whether the database answered.", is_up)
        standing: dict[str, float] = dict.fromkeys(readings, 0)
        for name, reading in readings.items() if is_up else ():
            try:
                families = read_in_time(reading)
            except Error as error:
                log.warning("metrics.unread", reading=name, reason=type(error).__name__)
                continue
            standing[name] = 1
            yield from families
        yield gauges("reading_up", "Whether this part of /metrics could be read in time.", "reading", standing)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        # The next one who asks gets a new connection.
        connection.close()
        return False
    return True


def read_in_time(reading: Reading) -> list[Metric]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MILLISECONDS)])
        return list(reading())


def of_processes() -> bytes:
    """What gunicorn's workers counted together (deploy/gunicorn.py), or this one process alone."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call] # the package leaves it without annotations
    return generate_latest(together)


def of_database() -> bytes:
    return generate_latest(DatabaseReadings())


def may_read(authorization: str) -> bool:
    """Whether the header holds the operators' token: `Bearer <METRICS_TOKEN>`. Nobody has it where that is unset."""
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    return bool(settings.METRICS_TOKEN) and compare_digest(authorization.encode(errors="replace"), expected)
