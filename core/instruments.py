"""What a process counts and times of its own accord: requests, and jobs. The apps above have instruments of theirs.

Every label is one of few values: a view, a class of statuses, a task, an outcome; never an id, a path or an address.
"""

from prometheus_client import Histogram, disable_created_metrics

# When a series began is of no use to Prometheus, and doubles what it reads.
disable_created_metrics()  # type: ignore[no-untyped-call] # the package leaves it without annotations

# Up to what a call to Stripe takes at most (3 s to connect, 15 s to read).
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)

REQUESTS = Histogram(
    "countersign_http_request_seconds",
    "Answers by view (`admin` for all of it, `none` where no view was found) and class of status.",
    ["view", "status"],
    buckets=SECONDS,
)
JOBS = Histogram(
    "countersign_job_seconds",
    "Jobs by task and outcome: `succeeded`, or `failed`, also where it is tried again.",
    ["task", "outcome"],
    buckets=(0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0),
)


def count_request(view: str, status: int, seconds: float) -> None:
    """`view` is Django's `view_name`, '' where none was found."""
    name = "admin" if view.startswith("admin:") else view or "none"
    REQUESTS.labels(name, f"{status // 100}xx").observe(seconds)
