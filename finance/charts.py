"""Numbers to the geometry of charts: pure, in the units of an SVG's viewBox; templates draw, and write the labels.

A chart is stretched to whatever width a page has, so nothing that must keep its shape (text, round points) is in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH = 1000
HEIGHT = 240
TICKS = 5
# Of the room of one day, what stays free between two bars.
GAP = 0.2
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
DAY = 86400


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A line across the chart: what it stands for, and how far down it is, in percent."""

    value: int
    down: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`paths` has one path for each series; `baseline` is where 0 is, as a y of the viewBox."""

    paths: tuple[str, ...]
    ticks: tuple[Tick, ...]
    baseline: float
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class Scale:
    """The values between the bottom and the top of a chart."""

    bottom: int
    top: int

    def y(self, value: float) -> float:
        return round((self.top - value) / (self.top - self.bottom) * HEIGHT, 2)

    def ticks(self, step: int) -> tuple[Tick, ...]:
        values = range(-(-self.bottom // step) * step, self.top + 1, step)
        return tuple(Tick(value=value, down=round(self.y(value) / HEIGHT * 100, 2)) for value in reversed(values))


def bars(series: Sequence[Sequence[int]], unit: int = 1) -> Chart:
    """Stacked bars, one for each day: what is above 0 upwards, what is below downwards. All series are of one length.

    Ticks are multiples of `unit`.
    """
    days = list(zip(*series, strict=True))
    highest = max((sum(value for value in day if value > 0) for day in days), default=0)
    lowest = min((sum(value for value in day if value < 0) for day in days), default=0)
    step = round_step(highest - lowest, unit)
    scale = scale_of(lowest, highest, step)
    room = WIDTH / max(len(days), 1)
    paths: list[list[str]] = [[] for _ in series]
    for number, day in enumerate(days):
        left, width = (number + GAP / 2) * room, (1 - GAP) * room
        ends = {True: 0, False: 0}
        for path, value in zip(paths, day, strict=True):
            if value:
                start = ends[value > 0]
                ends[value > 0] = start + value
                path.append(f"M{left:.2f} {scale.y(start)}h{width:.2f}V{scale.y(start + value)}h{-width:.2f}z")
    return Chart(paths=tuple("".join(path) for path in paths), ticks=scale.ticks(step), baseline=scale.y(0))


def line(values: Sequence[float | None], step_of: Callable[[float], int]) -> Chart:
    """One line through the days that have a value, broken where one has none; a day between two such is a point."""
    highest = max((value for value in values if value is not None), default=0)
    step = step_of(highest)
    scale = scale_of(0, highest, step)
    room = WIDTH / max(len(values), 1)
    path = ""
    for number, (before, value) in enumerate(pairwise([None, *values])):
        if value is None:
            continue
        x, y = round((number + 0.5) * room, 2), scale.y(value)
        # A stroke with round ends shows a path of no length as a point.
        path += f"L{x} {y}" if before is not None else f"M{x} {y}h0"
    return Chart(paths=(path,), ticks=scale.ticks(step), baseline=scale.y(0))


def scale_of(lowest: float, highest: float, step: int) -> Scale:
    """From a tick at or below the lowest value to one at or above the highest, and never of no height."""
    bottom, top = int(lowest // step) * step, int(-(-highest // step)) * step
    return Scale(bottom, top if top > bottom else bottom + step)


def round_step(span: float, unit: int = 1) -> int:
    """1, 2 or 5 times a power of ten, of `unit`: the smallest that needs no more than TICKS steps."""
    power = unit
    while power * 10 * TICKS < span:
        power *= 10
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit * TICKS >= span)


def time_step(seconds: float) -> int:
    """As `round_step`, in steps that people divide time into."""
    fitting = (step for step in TIME_STEPS if step * TICKS >= seconds)
    return next(fitting, None) or round_step(seconds / DAY) * DAY
