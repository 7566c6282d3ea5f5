"""What `make bench` makes of its measurements; what it measures is nobody's business here."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.bench.checkout import judge as judge_checkout
from deploy.bench.comparison import Plan
from deploy.bench.footprint import Footprint, Memory, read_rollup, table
from deploy.bench.outcome import Conditions, Judged, Outcome, Part
from deploy.bench.replay import COMMANDS, Took, marginal_cpu, report, slope
from deploy.bench.replay_part import judge as judge_replay
from deploy.bench.run import BEGIN, END, NOT_DONE, PAGE, TOO_NOISY, Kept, run_parts
from deploy.processes import StepError

CONDITIONS = Conditions(server_url="", plan=Plan(rounds=1, seconds=0, warm_up=0), seed=0)
MET, MISSED = Judged("speed", "≥ 2", "", "3", "yes"), Judged("size", "≤ 2", "", "3", "no")
QUIET = Outcome("Quiet", ["| a table |"], [MET], picture="<svg/>")
NOISY = Outcome("Noisy", ["| another |"], noisy={"empty view": 2.5})
START = Took(events=0, seconds=1.5, cpu=1.4, postgres=0.1, megabytes=70)


def at_size(events: int, seconds: float) -> dict[str, Took]:
    """As if every command took so long, start included."""
    took = Took(
        events=events, seconds=START.seconds + seconds, cpu=START.cpu + seconds, postgres=0.1 + seconds, megabytes=110
    )
    return {"start": START} | dict.fromkeys(COMMANDS, took)


@pytest.mark.parametrize(("seconds", "power"), [(10, 1), (100, 2)])
def test_the_slope_is_the_power_of_the_number_of_events(seconds: float, power: float) -> None:
    assert slope(at_size(1000, 1), at_size(10_000, seconds), "audit verify") == pytest.approx(power)


def test_the_cpu_of_an_event_is_both_sides_without_what_every_command_begins_with() -> None:
    assert marginal_cpu(at_size(1000, 2), at_size(101_000, 3), "audit verify") == pytest.approx(20e-6)


def test_the_report_has_a_line_for_each_command_and_size() -> None:
    lines = "\n".join(report([at_size(1000, 1), at_size(10_000, 10)], peer=250))
    for command in COMMANDS:
        assert lines.count(f"{command:<18}") == 2
    assert lines.count("slope 1.00") == lines.count("2.0 x eventsourcing") == len(COMMANDS)


def test_memory_is_read_as_linux_tells_it() -> None:
    text = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:      92160 kB\nPss:      46080 kB\nPss_Anon:  1024 kB\n"
    assert read_rollup(text) == Memory(resident=90, share=45)


def test_an_empty_project_stands_beside_the_shop_and_what_it_lacks_is_left_out() -> None:
    shop = Footprint([Memory(80, 40)] * 2, Memory(90, 90), 1.0, 2.0, 2.5)
    lines = "\n".join(table(shop, Footprint([Memory(40, 20)], None, 0.25, 0.5, None), None))
    assert "| PSS of a web worker after 200 requests, MB | 40.00 | 20.00 | 2.0 |" in lines
    assert "| RSS of the job worker, MB | 90.00 | – |  |" in lines  # noqa: RUF001 a dash as in print
    assert "| image `countersign` | not measured here |" in lines


def test_replay_is_judged_by_rate_slope_and_peer() -> None:
    smallest, largest = at_size(10_000, 1), at_size(70_000, 2)
    verdicts = {one.goal: (one.figure, one.met) for one in judge_replay(smallest, largest, peer=6_000)}
    assert verdicts["events/s of CPU: audit verify"] == ("30,000", "yes")
    assert verdicts["slope of time by events: audit verify"] == ("0.36", "yes")
    assert verdicts["events/s of CPU: replay --check to eventsourcing"] == ("5.0", "yes")


@pytest.mark.parametrize(("own_ms", "met"), [([14.9, 30.0, 1.0], "yes"), ([15.0, 15.0], "no")])
def test_a_checkout_is_judged_by_the_median_of_its_rounds(own_ms: list[float], met: str) -> None:
    assert judge_checkout("a new checkout", own_ms).met == met


class TestARunOfParts:
    def run(self, folder: Path, order: Sequence[str] = (), **outcomes: Outcome | None) -> int:
        """None: the part could not be measured."""
        page = folder / "page.md"
        if not page.exists():
            page.write_text(f"before\n{BEGIN}\nolder\n{END}\nafter\n")
        kept = Kept(folder / "latest.json", page, order or list(outcomes))
        return run_parts(
            {name: part_of(outcome) for name, outcome in outcomes.items()}, CONDITIONS, kept, ["a machine"]
        )

    def test_ends_with_one_table_of_all_goals_and_a_missed_one_changes_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(tmp_path, one=QUIET, other=Outcome("Other", [], [MISSED])) == 0
        table = ["| speed | ≥ 2 |  | 3 | yes |", "| size | ≤ 2 |  | 3 | no |"]
        assert capsys.readouterr().out.splitlines()[-2:] == table

    def test_that_was_too_noisy_says_so_and_ends_with_3(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(tmp_path, one=NOISY, other=QUIET) == TOO_NOISY
        printed = capsys.readouterr().out
        assert "Too noisy to compare." in printed
        assert "empty view (2.5)" in printed
        assert "| speed |" in printed

    def test_measures_all_others_when_a_part_fails(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(tmp_path, one=None, other=NOISY, third=QUIET) == NOT_DONE
        printed = capsys.readouterr()
        assert printed.err == "one: it did not work\n"
        assert "| speed |" in printed.out

    def test_publishes_between_the_marks_what_was_measured_last_of_each_part(self, tmp_path: Path) -> None:
        self.run(tmp_path, ["one", "other"], other=QUIET)
        self.run(tmp_path, ["one", "other"], one=Outcome("Other", ["| its own |"], [MISSED]))
        text = (tmp_path / "page.md").read_text()
        assert text.startswith(f"before\n{BEGIN}\na machine.\n")
        assert text.endswith(f"{END}\nafter\n")
        assert "older" not in text
        assert text.index("| size |") < text.index("| speed |") < text.index("| its own |") < text.index("| a table |")
        assert (tmp_path / "page.svg").read_text() == "<svg/>"

    def test_publishes_nothing_noisy_but_keeps_it(self, tmp_path: Path) -> None:
        self.run(tmp_path, one=NOISY)
        assert "another" not in (tmp_path / "page.md").read_text()
        assert json.loads((tmp_path / "latest.json").read_text())["parts"]["one"]["noisy"] == {"empty view": 2.5}


def test_the_page_has_a_place_for_what_is_published() -> None:
    text = PAGE.read_text()
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert text.index(BEGIN) < text.index(END)


def part_of(outcome: Outcome | None) -> Part:
    def part(_conditions: Conditions) -> Outcome:
        if outcome is None:
            raise StepError("it did not work")
        return outcome

    return part
