"""What is read of reconciliation when Prometheus asks."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from core.exposition import gauge, reads
from finance.selectors.reconciliation import open_exceptions


@reads("reconciliation")
def exceptions() -> Iterator[Metric]:
    yield gauge(
        "reconciliation_exceptions", "What Stripe's books and ours disagree about.", float(open_exceptions().count())
    )
