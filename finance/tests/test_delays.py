"""Times from placed to paid, in buckets."""

from statistics import median_low

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.delays import added, bucket_of, median, seconds_of

TIMES = st.lists(st.floats(0, 30 * 86400), min_size=1, max_size=50)


def histogram_of(times: list[float]) -> dict[str, int]:
    return dict(added({str(bucket_of(time)): 1} for time in times))


@given(TIMES)
def test_the_median_is_off_by_half_a_bucket_at_most(times: list[float]) -> None:
    exact = median_low(times)
    found = median(histogram_of(times))
    assert found is not None
    assert abs(found - exact) <= (exact + 1) * 0.025


@given(TIMES, TIMES)
def test_histograms_of_two_days_add_up_to_that_of_both(one: list[float], other: list[float]) -> None:
    assert added([histogram_of(one), histogram_of(other)]) == histogram_of(one + other)


@given(st.integers(0, 400))
def test_the_middle_of_a_bucket_falls_into_it(bucket: int) -> None:
    assert bucket_of(seconds_of(bucket)) == bucket


@pytest.mark.parametrize(("histogram", "expected"), [({}, None), ({"0": 1}, 0.0), ({"0": 0, "14": 3}, seconds_of(14))])
def test_the_median_of_few(histogram: dict[str, int], expected: float | None) -> None:
    assert median(histogram) == expected


def test_a_clock_that_runs_behind_counts_as_no_time() -> None:
    assert bucket_of(-3) == 0
