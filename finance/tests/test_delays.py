"""Delays in buckets tell the median within 5 %."""

from collections import Counter
from statistics import median as true_median

from hypothesis import given
from hypothesis import strategies as st

from finance.delays import bucket_of, median, seconds_of

seconds = st.floats(min_value=1, max_value=10_000_000)


@given(seconds)
def test_a_bucket_stands_for_seconds_within_five_percent(delay: float) -> None:
    assert abs(seconds_of(bucket_of(delay)) - delay) <= 0.05 * delay


@given(st.lists(seconds, min_size=1))
def test_the_median_is_within_five_percent(delays: list[float]) -> None:
    found = median(Counter(str(bucket_of(delay)) for delay in delays))
    assert found is not None
    assert abs(found - true_median(delays)) <= 0.05 * true_median(delays)


@given(st.lists(seconds, min_size=2, max_size=2))
def test_a_longer_delay_is_in_no_lower_bucket(delays: list[float]) -> None:
    assert bucket_of(min(delays)) <= bucket_of(max(delays))


def test_what_takes_no_time_at_all_has_a_bucket_of_its_own() -> None:
    assert [bucket_of(delay) for delay in (-3, 0, 0.9, 1)] == [0, 0, 0, 1]
    assert median({}) is None
