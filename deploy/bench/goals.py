"""What the webhook path is to reach, as ratios within one run: no machine's own speed is in them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deploy.bench.comparison import UNITS, Samples, Spread, ratios, spread_of

OURS, AGAIN = "Countersign", "Countersign, duplicate"
FULL, HOT = "Countersign, full tables", "Countersign, one hot order, full tables"
EMPTY_HOT = "Countersign, one hot order"


class Goal(NamedTuple):
    """`figure` of `name`, as a ratio to that of `other`. A rate is to be at least the goal, anything else at most."""

    name: str
    other: str
    goal: float
    stretch: float | None = None
    figure: str = "per_second"

    @property
    def at_least(self) -> bool:
        return self.figure == "per_second"

    @property
    def text(self) -> str:
        return f"{UNITS[self.figure]}: {self.name} to {self.other}"

    def bound(self, value: float) -> str:
        return f"{'≥' if self.at_least else '≤'} {value:.3g}"

    def reached_by(self, ratio: float, goal: float) -> bool:
        return ratio >= goal if self.at_least else ratio <= goal


class Verdict(NamedTuple):
    goal: Goal
    ratio: Spread
    met: bool
    stretch_met: bool | None


WEBHOOKS = (
    Goal(OURS, "dj-stripe", 12, 20),
    Goal(OURS, "dj-stripe, stores only", 6, 10),
    Goal(OURS, "dj-stripe, callback", 3.5, 6),
    Goal(AGAIN, "dj-stripe, duplicate", 7),
    Goal(OURS, "dj-stripe", 1 / 15, figure="cpu"),
    Goal(OURS, "dj-stripe", 0.12, figure="p99"),
    Goal(OURS, "pgbench, six statements", 0.30, 0.50),
    Goal(OURS, "signature only", 0.43, 0.60),
)
VOLUME = (Goal(FULL, OURS, 0.90), Goal(HOT, EMPTY_HOT, 0.90))


def judge(goals: Iterable[Goal], samples: Samples) -> Iterator[Verdict]:
    """By the median of the rounds' ratios; those of whom a side was not measured are left out."""
    for goal in goals:
        found = ratios(samples, goal.figure, goal.name, goal.other)
        if found is None:
            continue
        ratio = spread_of(found)
        met = goal.reached_by(ratio.median, goal.goal)
        stretch = None if goal.stretch is None else goal.reached_by(ratio.median, goal.stretch)
        yield Verdict(goal, ratio, met, stretch)
