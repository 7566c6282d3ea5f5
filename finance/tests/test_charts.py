"""The geometry of charts: everything is inside, to scale, and adds up."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.charts import HEIGHT, TICKS, WIDTH, bars, line, round_step, time_step

AMOUNTS = st.integers(-(10**12), 10**12)
BAR = re.compile(r"M(\S+) (\S+)h(\S+)V(\S+)h-\S+z")


def heights(path: str) -> list[float]:
    """Of each bar of a path, in units of the viewBox, below 0 where it goes down."""
    return [float(top) - float(bottom) for _, top, _, bottom in BAR.findall(path)]


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), max_size=40))
def test_bars_are_inside_the_chart_and_to_scale(days: list[tuple[int, int, int]]) -> None:
    series = list(zip(*days, strict=True)) or [(), (), ()]
    chart = bars(series)
    assert 0 <= chart.baseline <= HEIGHT
    per_unit = HEIGHT / (chart.ticks[0].value - chart.ticks[-1].value)
    for path, values in zip(chart.paths, series, strict=True):
        assert heights(path) == pytest.approx([value * per_unit for value in values if value], abs=0.02)
        for left, top, width, bottom in BAR.findall(path):
            assert float(left) >= 0
            assert float(left) + float(width) <= WIDTH + 0.01
            assert {0 <= float(y) <= HEIGHT for y in (top, bottom)} == {True}


def test_bars_stand_on_each_other_and_hang_below_each_other() -> None:
    chart = bars([[100], [50], [-30], [-20]])
    assert [(tick.value, tick.down) for tick in chart.ticks] == [(150, 0), (100, 25), (50, 50), (0, 75), (-50, 100)]
    ys = [BAR.findall(path)[0][1::2] for path in chart.paths]
    assert ys == [("180.0", "60.0"), ("60.0", "0.0"), ("180.0", "216.0"), ("216.0", "240.0")]


def test_a_day_below_zero_goes_the_other_way() -> None:
    paid, refunded = bars([[100, 0], [-40, 40]]).paths
    assert len(heights(paid)) == 1
    assert [height > 0 for height in heights(refunded)] == [False, True]


@pytest.mark.parametrize("series", [[[], []], [[0], [0]], [[0] * 365, [0] * 365]])
def test_nothing_is_an_empty_chart(series: list[list[int]]) -> None:
    chart = bars(series)
    assert chart.paths == ("", "")
    assert [tick.value for tick in chart.ticks] == [1, 0]


@given(st.integers(0, 10**12), st.sampled_from([1, 10, 100]))
def test_ticks_are_few_and_round(span: int, unit: int) -> None:
    step = round_step(span, unit)
    assert step * TICKS >= span
    assert str(step // unit).rstrip("0") in {"1", "2", "5"}
    assert step == unit or step * 2 < span, "a smaller step would have done"


@pytest.mark.parametrize(
    ("seconds", "step"), [(0, 1), (4.2, 1), (70, 15), (3000, 600), (86400, 21600), (10**6, 432000)]
)
def test_time_is_divided_as_people_do(seconds: float, step: int) -> None:
    assert time_step(seconds) == step


def test_a_line_is_broken_where_a_day_has_no_value() -> None:
    chart = line([10.0, 20.0, None, 5.0], time_step)
    assert chart.paths == ("M125.0 120.0h0L375.0 0.0M875.0 180.0h0",)
    assert all(one.value > other.value for one, other in pairwise(chart.ticks))


def test_a_line_of_no_days_is_empty() -> None:
    assert line([], time_step).paths == line([None], time_step).paths == ("",)
