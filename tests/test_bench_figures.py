"""What `make bench` computes of its measurements; what it measures is nobody's business here."""

import pytest

from deploy.bench.footprint import Memory, read_rollup
from deploy.bench.replay import COMMANDS, CORES, Took, marginal_rate, report, slope

START = Took(events=0, seconds=1.5, cpu=1.4, megabytes=70)


def at_size(events: int, seconds: float) -> dict[str, Took]:
    """As if every command took so long, start included."""
    took = Took(events=events, seconds=START.seconds + seconds, cpu=START.cpu + seconds, megabytes=110)
    return {"start": START} | dict.fromkeys(COMMANDS, took)


@pytest.mark.parametrize(("seconds", "power"), [(10, 1), (100, 2)])
def test_the_slope_is_the_power_of_the_number_of_events(seconds: float, power: float) -> None:
    assert slope(at_size(1000, 1), at_size(10_000, seconds), "audit verify") == pytest.approx(power)


def test_the_rate_of_a_core_leaves_out_what_every_command_begins_with() -> None:
    rate = marginal_rate(at_size(1000, 2), at_size(61_000, 3), "audit verify")
    assert rate == pytest.approx(60_000 / CORES)


def test_the_report_has_a_line_for_each_command_and_size() -> None:
    lines = "\n".join(report([at_size(1000, 1), at_size(10_000, 10)], peer=500 / CORES))
    for command in COMMANDS:
        assert lines.count(f"{command:<18}") == 2
    assert lines.count("slope 1.00") == lines.count("2.0 x eventsourcing") == 3


def test_memory_is_read_as_linux_tells_it() -> None:
    text = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:      92160 kB\nPss:      46080 kB\nPss_Anon:  1024 kB\n"
    assert read_rollup(text) == Memory(resident=90, share=45)
