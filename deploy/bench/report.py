"""What was measured, as tables in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from deploy.bench.comparison import NOISY, UNITS, Samples, Spread, ratios, spread_of, values_of
from deploy.bench.outcome import Judged
from deploy.bench.wire import Counts

DIGITS = {"per_second": 0, "p50": 1, "p99": 1, "cpu": 2}
UNKNOWN = "–"  # noqa: RUF001 a dash as in print


def figures_table(samples: Samples, counts: Mapping[str, Counts], against: str, *, with_ratios: bool) -> Iterator[str]:
    """Every contender's medians with their ends, and the rate of `against` as a ratio to its own."""
    yield from heading(["", "SQL statements", "trips", *UNITS.values(), *([f"{against} to it"] if with_ratios else [])])
    for name in samples:
        counted = map(str, counts.get(name, (UNKNOWN, UNKNOWN)))
        cells = [*counted, *(figure_cell(samples, name, figure) for figure in UNITS)]
        yield row([name, *cells, *([ratio_cell(samples, against, name)] if with_ratios else [])])


def ratio_cell(samples: Samples, against: str, name: str) -> str:
    found = ratios(samples, "per_second", against, name)
    return ratio_text(spread_of(found)) if found and name != against else ""


def figure_cell(samples: Samples, name: str, figure: str) -> str:
    values = values_of(samples, name, figure)
    return UNKNOWN if values is None else spread_text(spread_of(values), f",.{DIGITS[figure]}f")


def goals_table(judged: Sequence[Judged]) -> Iterator[str]:
    yield from heading(["goal", "to reach", "stretch", "figure", "met"])
    for one in judged:
        yield row(one)


def ratio_text(ratio: Spread) -> str:
    """Three significant digits, whether it is 0.0123 or 12.3."""
    return spread_text(ratio, ".3g")


def spread_text(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} ({spread.lowest:{form}} .. {spread.highest:{form}})"


def heading(cells: Sequence[str]) -> Iterator[str]:
    yield row(cells)
    yield "|" + "---|" * len(cells)


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def refusal(noisy: Mapping[str, float]) -> Iterator[str]:
    yield "Too noisy to compare. These do the same work in every round, and the fastest round was more than"
    yield f"{NOISY:g} times as fast as the slowest: " + ", ".join(f"{name} ({far:.1f})" for name, far in noisy.items())
