"""What a part of `make bench` is given, and what it yields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from deploy.bench.comparison import Plan


class Conditions(NamedTuple):
    """`server_url` is where databases are made and dropped. `only`: the contenders that are measured, all if empty;
    `orders` is how many fill the tables at most, `minutes` how long the soak takes. `seed` decides who runs first in a
    round.
    """

    server_url: str
    plan: Plan
    seed: int
    quick: bool = False
    only: Sequence[str] = ()
    orders: int = 500_000
    minutes: float = 20


class Judged(NamedTuple):
    """A goal beside its figure, as they are printed. `stretch` may be empty; `met`: yes, stretch, no, too noisy."""

    goal: str
    to_reach: str
    stretch: str
    figure: str
    met: str


class Outcome(NamedTuple):
    """Of one part. `lines` are Markdown. `noisy`: who did the same in every round, and yet was so many times as fast in
    one as in another; then nothing is judged. `figures` is everything that was measured, for JSON; `picture` an SVG.
    """

    title: str
    lines: Sequence[str]
    judged: Sequence[Judged] = ()
    noisy: Mapping[str, float] = {}
    figures: Mapping[str, Any] = {}
    picture: str = ""


type Part = Callable[[Conditions], Outcome]
