"""What `/metrics` says, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def sample(text: str, name: str, **labels: str) -> float:
    """The value of one series; 0 where there is none yet."""
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == name and labels.items() <= found.labels.items():
                return found.value
    return 0.0


def series_names(text: str) -> set[str]:
    """Of every series that there can be, also while there is none."""
    families = text_string_to_metric_families(text)
    return {f"{family.name}{suffix}" for family in families for suffix in SUFFIXES.get(family.type, ("",))}
