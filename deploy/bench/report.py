"""What was measured, as tables in Markdown and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.bench.comparison import NOISY, UNITS, Samples, Spread, ratios, spread_of, values_of
from deploy.bench.goals import Goal, Verdict
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


def goals_table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield from heading(["ratio", "goal", "stretch", "median (lowest .. highest)", "met"])
    for goal, ratio, met, stretch_met in verdicts:
        stretch = "" if goal.stretch is None else bound(goal, goal.stretch)
        verdict = "stretch" if stretch_met else "yes" if met else "no"
        yield row([goal_text(goal), bound(goal, goal.goal), stretch, ratio_text(ratio), verdict])


def goal_text(goal: Goal) -> str:
    return f"{UNITS[goal.figure]}: {goal.name} to {goal.other}"


def bound(goal: Goal, value: float) -> str:
    return f"{'≥' if goal.at_least else '≤'} {value:.3g}"


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


def as_json(
    samples: Samples, counts: Mapping[str, Counts], verdicts: Sequence[Verdict], noisy: Mapping[str, float]
) -> dict[str, Any]:
    """Everything that was measured, each round of it; what was judged of it."""
    return {
        "counts": {name: one._asdict() for name, one in counts.items()},
        "noisy": dict(noisy),
        "contenders": {name: [sample._asdict() for sample in of_rounds] for name, of_rounds in samples.items()},
        "goals": [
            {**goal._asdict(), "ratio": ratio._asdict(), "met": met, "stretch_met": stretch_met}
            for goal, ratio, met, stretch_met in verdicts
        ],
    }
