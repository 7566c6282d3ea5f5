"""What is counted of calls to Stripe."""

from prometheus_client import Histogram

from core.instruments import SECONDS

CALLS = Histogram(
    "countersign_stripe_call_seconds",
    "Calls to Stripe by operation and outcome: `succeeded`, `failed` (refused) or `unknown`.",
    ["operation", "outcome"],
    buckets=SECONDS,
)
