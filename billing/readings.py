"""What is read of calls and mirrors when Prometheus asks."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.core import Metric

from billing.models import OPEN_STATES, CounterpartState, Coupon, StripeCall, TaxRate
from core.exposition import gauge, gauges, reads, seconds_since


@reads("stripe_calls")
def open_calls() -> Iterator[Metric]:
    """The partial index of open calls holds these and nothing else."""
    found = StripeCall.objects.filter(state__in=OPEN_STATES).aggregate(count=Count("pk"), oldest=Min("requested_at"))
    yield gauge("open_calls", "Calls to Stripe that have no outcome yet.", found["count"])
    yield gauge(
        "open_call_age_seconds", "How long ago the oldest open call was put on record.", seconds_since(found["oldest"])
    )


@reads("mirrors")
def sync_failures() -> Iterator[Metric]:
    """The tables are small: a row for each version of a discount or tax, and account."""
    counts = {
        kind: float(counterparts.objects.filter(state=CounterpartState.FAILED).count())
        for kind, counterparts in (("discount", Coupon), ("tax", TaxRate))
    }
    yield gauges("sync_failures", "Coupons and tax rates that could not be brought to Stripe.", "kind", counts)
