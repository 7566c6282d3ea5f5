"""What is counted of checkouts: as long as a shopper waits for one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from prometheus_client import Histogram

from core.instruments import SECONDS
from core.refusals import Refusal

CHECKOUTS = Histogram(
    "countersign_checkout_seconds",
    "Opening a checkout, Stripe's part included, by way (`session` is Stripe's page, `intent` ours) and outcome: "
    "`opened`, `refused`, `unavailable` (of Stripe's or ours) or `failed` (an error of ours).",
    ["way", "outcome"],
    buckets=SECONDS,
)


@contextmanager
def timed_checkout(way: str) -> Iterator[None]:
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "opened"
    except Refusal as refusal:
        outcome = "refused" if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR else "unavailable"
        raise
    finally:
        CHECKOUTS.labels(way, outcome).observe(time.perf_counter() - started)
