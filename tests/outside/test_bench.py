"""`make bench` measures what it says; its figures are nobody's business here."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import psycopg
import pytest
from django.db import connection

from deploy.bench.comparison import Plan, noise, ratios
from deploy.bench.contender import NUMBERS, Evidence, Sample, refuse_unless_done, split
from deploy.bench.contest import compare
from deploy.bench.cpu import seconds_of_tree
from deploy.bench.goals import AGAIN, OURS, WEBHOOKS, Goal, judge
from deploy.bench.outcome import Conditions, Judged, Outcome
from deploy.bench.peers.running import DJSTRIPE
from deploy.bench.picture import LABELS, draw
from deploy.bench.webhooks import ALL, MAIN, SAME
from deploy.bench.wire import Counts, relayed
from deploy.processes import ROOT, StepError

CONDITIONS = Conditions(server_url="", plan=Plan(rounds=3, seconds=0.1, warm_up=8), seed=7)
LOCKED = re.compile(r"^([a-z0-9-]+)(?:\[\w+\])?==([\w.]+)", re.MULTILINE)


def samples_of(**rates: Sequence[float]) -> dict[str, list[Sample]]:
    """Names have their spaces as underscores; the latencies and the CPU follow from the rate."""
    return {
        name.replace("_", " "): [Sample(rate, 1000 / rate, 2000 / rate, 500 / rate) for rate in of_rounds]
        for name, of_rounds in rates.items()
    }


@dataclass
class Steady:
    """A contender whose rates are known beforehand; it notes when it ran."""

    name: str
    rates: Sequence[float]
    order: list[str]
    databases: Sequence[str] = ()
    _waiting: list[float] = field(default_factory=list)

    def prepare(self, count: int, rounds: int) -> list[range]:
        self._waiting = list(self.rates) if rounds == len(self.rates) else [self.rates[0]] * rounds
        return split(NUMBERS.draw(count * rounds), rounds)

    def run(self, numbers: range) -> Sample:
        self.order.append(self.name)
        rate = self._waiting.pop(0)
        return Sample(rate, 1.0, 2.0, 1000 / rate)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench") / "results.json"


@pytest.fixture(scope="module")
def printed(results: Path) -> str:
    names = [OURS, AGAIN, "signature only", SAME]
    options = ["--quick", "--rounds", "1", "--seconds", "0.2", *(f"--only={name}" for name in names)]
    command = [sys.executable, "-m", "deploy.bench", *options, "--results", str(results)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=150)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class TestARun:
    def test_prints_the_goals_whose_sides_it_measured(self, printed: str) -> None:
        assert re.findall(r"^\| (\S+: .*?) \|", printed, re.MULTILINE) == [
            "deliveries/s: Countersign to signature only"
        ]

    def test_keeps_what_it_found(self, printed: str, results: Path) -> None:
        kept = json.loads(results.read_text())["parts"]["webhooks"]
        assert set(kept["figures"]["contenders"]) == {OURS, AGAIN, "signature only", SAME}


class TestComparing:
    def compare(self, *, empty_views: Sequence[float], order: list[str] | None = None) -> Outcome:
        noted: list[str] = [] if order is None else order
        contenders = [
            Steady(OURS, [300, 600, 900], noted),
            Steady("dj-stripe", [30, 40, 30], noted),
            Steady("empty view", empty_views, noted),
        ]
        return compare("Deliveries", contenders, WEBHOOKS, CONDITIONS, {OURS: Counts(22, 2)})[0]

    def test_runs_all_in_each_round_in_another_order(self) -> None:
        order: list[str] = []
        self.compare(empty_views=[1000, 1000, 1000], order=order)
        warm_up, *rounds = order[:6], order[6:9], order[9:12], order[12:]
        assert all(sorted([*one, *one]) == sorted(warm_up) for one in rounds)
        assert len({tuple(one) for one in rounds}) > 1

    def test_judges_goals_by_the_median_of_the_ratios(self) -> None:
        judged = self.compare(empty_views=[1000, 1900, 1000]).judged
        assert Judged("deliveries/s: Countersign to dj-stripe", "≥ 12", "≥ 20", "15 (10 .. 30)", "yes") in judged
        assert Judged("CPU, ms: Countersign to dj-stripe", "≤ 0.0667", "", "0.0667 (0.0333 .. 0.1)", "yes") in judged
        assert Judged("p99, ms: Countersign to dj-stripe", "≤ 0.12", "", "1 (1 .. 1)", "no") in judged

    def test_prints_every_figure_of_each(self) -> None:
        lines = "\n".join(self.compare(empty_views=[1000, 1900, 1000]).lines)
        figures = "600 (300 .. 900) | 1.0 (1.0 .. 1.0) | 2.0 (2.0 .. 2.0) | 1.67 (1.11 .. 3.33)"
        assert f"| Countersign | 22 | 2 | {figures} |  |" in lines
        assert "| empty view | – | – | 1,000 (1,000 .. 1,900) |" in lines  # noqa: RUF001 a dash as in print

    def test_refuses_when_the_machine_was_too_noisy(self) -> None:
        outcome = self.compare(empty_views=[1000, 2100, 1000])
        assert (outcome.judged, outcome.noisy) == ([], {"empty view": 2.1})
        assert "Countersign to it" not in "\n".join(outcome.lines)
        rates = [one["per_second"] for one in outcome.figures["contenders"][OURS]]
        assert rates == [300, 600, 900, 300, 300, 300]

    def test_measures_another_round_where_one_was_disturbed(self) -> None:
        outcome = self.compare(empty_views=[1000, 490, 1000])
        assert "1 more were disturbed" in outcome.lines[0]
        assert [one["per_second"] for one in outcome.figures["contenders"][OURS]] == [300, 900, 300]
        assert (outcome.figures["disturbed"], outcome.noisy) == (1, {})


class TestFigures:
    def test_ratios_are_those_of_the_same_round(self) -> None:
        samples = samples_of(one=[40, 10, 90], other=[2, 1, 3])
        assert ratios(samples, "per_second", "one", "other") == [20, 10, 30]

    def test_there_is_no_ratio_to_what_was_not_measured(self) -> None:
        samples = samples_of(one=[10.0]) | {"other": [Sample(1.0, None, None, None)]}
        assert ratios(samples, "cpu", "one", "other") is None
        assert ratios(samples, "per_second", "one", "nobody") is None

    def test_only_an_anchor_tells_of_noise(self) -> None:
        assert noise(samples_of(empty_view=[100, 200], textbook_view=[1, 9])) == {}
        assert noise(samples_of(empty_view=[100, 201])) == {"empty view": 2.01}

    def test_a_rate_is_to_be_at_least_its_goal_and_a_time_at_most(self) -> None:
        samples = samples_of(one=[20], other=[10])
        goals = [
            Goal("one", "other", 2, 3),
            Goal("one", "other", 0.5, figure="p99"),
            Goal("one", "other", 0.4, figure="cpu"),
        ]
        assert [(verdict.met, verdict.stretch_met) for verdict in judge(goals, samples)] == [
            (True, False),
            (True, None),
            (False, None),
        ]

    def test_every_goal_is_about_what_a_short_run_measures(self) -> None:
        assert {name for goal in WEBHOOKS for name in (goal.name, goal.other)} <= set(MAIN) <= set(ALL)


class TestWork:
    def test_a_contender_that_did_less_is_refused(self, db: None) -> None:
        connection.ensure_connection()
        evidence = Evidence(connection.connection.info.dsn, "SELECT 7")
        refuse_unless_done([evidence], [4], 3)
        with pytest.raises(StepError, match="4 deliveries were to add 4, not 3"):
            refuse_unless_done([evidence], [3 + 1], 4)

    def test_cpu_is_that_of_a_whole_tree_and_of_its_dead(self) -> None:
        burn = "import time\nwhile time.process_time() < 0.3: pass"
        before = seconds_of_tree(os.getpid())
        subprocess.run([sys.executable, "-c", burn], check=True)
        used = seconds_of_tree(os.getpid()) - before
        assert used >= 0.25

    def test_cpu_of_a_living_child_counts(self) -> None:
        burn = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ntime.sleep(60)"
        before = seconds_of_tree(os.getpid())
        with subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            used = seconds_of_tree(os.getpid()) - before
            child.kill()
        assert used >= 0.25


class TestCountingOnTheWire:
    def test_statements_and_what_waits_for_an_answer_are_told_apart(self, db: None) -> None:
        connection.ensure_connection()
        info = connection.connection.info
        url = f"postgresql://{info.user}@{quote(info.host, safe='')}/{info.dbname}"
        with relayed(url) as (by_way, relay), psycopg.connect(by_way, autocommit=True) as client:
            assert relay.counts == Counts(0, 0)
            assert client.execute("SELECT %s::int", [7]).fetchone() == (7,)
            assert relay.counts == Counts(1, 1)
            with client.pipeline():
                client.execute("BEGIN")
                client.execute("SELECT %s::int", [8])
                client.execute("COMMIT")
            assert relay.counts == Counts(4, 2)


class TestThePicture:
    def test_names_every_contender_with_its_median(self) -> None:
        picture = draw(samples_of(Countersign=[300, 500, 400], **{"dj-stripe": [40, 42, 44], "<odd>": [1, 2, 3]}))
        texts = [element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 ours
        assert {"Countersign", "400", "dj-stripe", "42", "<odd>", "2"} <= set(texts)

    def test_has_colors_for_dark_pages(self) -> None:
        assert "@media (prefers-color-scheme: dark)" in draw(samples_of(Countersign=[300]))

    def test_a_longer_bar_is_faster_and_its_whisker_covers_the_rounds(self) -> None:
        picture = draw(samples_of(slow=[10, 20, 40], quick=[100, 200, 400]))
        quick, slow = (float(width) for width in re.findall(r'<rect class="bar.*?width="([\d.]+)"', picture))
        assert quick > slow > 0
        [(left, right), _] = re.findall(r'd="M([\d.]+) [\d.]+H([\d.]+)', picture)
        assert float(left) < quick + LABELS < float(right)


class TestPeers:
    def test_dj_stripe_runs_with_our_versions_of_all_else(self) -> None:
        ours = dict(LOCKED.findall((ROOT / "requirements.txt").read_text()))
        theirs = dict(LOCKED.findall((DJSTRIPE / "requirements.txt").read_text()))
        assert theirs.pop("dj-stripe") == "2.11.0"
        assert theirs == {name: ours[name] for name in theirs}

    def test_they_import_nothing_of_ours(self) -> None:
        sources = "".join(path.read_text() for path in DJSTRIPE.parent.glob("*/*.py"))
        assert not re.findall(
            r"^\s*(?:from|import) (?:core|billing|orders|webhooks|finance|deploy)\b", sources, re.MULTILINE
        )
