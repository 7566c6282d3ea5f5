"""One run from its first round to its tables, `.local/bench/latest.json` and the picture."""

import json
import os
import platform
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psycopg

from deploy import gunicorn
from deploy.bench.comparison import Plan, measure, noise
from deploy.bench.contender import Contender
from deploy.bench.goals import OURS, Goal, judge
from deploy.bench.load import CONNECTIONS
from deploy.bench.picture import draw
from deploy.bench.report import as_json, figures_table, goals_table, refusal
from deploy.bench.wire import Counts
from deploy.processes import LOCAL, ROOT

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
LATEST = LOCAL / "bench" / "latest.json"
PICTURE = ROOT / "docs" / "performance.svg"
TOO_NOISY = 3


class Run(NamedTuple):
    """`header` says where and when. `quick`: the ratios alone are printed. `picture`: where it is drawn, if at all.

    `counts`: what was counted beforehand, by the contender's name.
    """

    header: Mapping[str, object]
    counts: Mapping[str, Counts]
    plan: Plan
    seed: int
    quick: bool
    results: Path
    picture: Path | None


def compare(contenders: Sequence[Contender], goals: Sequence[Goal], run: Run) -> int:
    """Measures, prints, keeps; the exit code. Raises StepError when a contender did not do its work."""
    samples = measure(contenders, run.plan, random.Random(run.seed))  # noqa: S311 it decides who runs first
    noisy = noise(samples)
    verdicts = [] if noisy else list(judge(goals, samples))
    run.results.parent.mkdir(parents=True, exist_ok=True)
    about = {**run.header, "plan": run.plan._asdict(), "seed": run.seed}
    run.results.write_text(json.dumps(about | as_json(samples, run.counts, verdicts, noisy), indent=1) + "\n")
    for text in sections(
        run, [] if run.quick else list(figures_table(samples, run.counts, OURS, with_ratios=not noisy))
    ):
        print(text)
    for text in refusal(noisy) if noisy else goals_table(verdicts):
        print(text)
    if noisy:
        return TOO_NOISY
    if run.picture is not None:
        run.picture.write_text(draw(samples))
    return 0


def sections(run: Run, figures: Sequence[str]) -> Iterator[str]:
    yield ", ".join(map(str, run.header.values()))
    yield f"Median (lowest .. highest) of {run.plan.rounds} rounds of {run.plan.seconds:g} s each"
    yield ""
    if figures:
        yield from figures
        yield ""


def describe(database_url: str) -> dict[str, object]:
    """What a reader must know of the machine."""
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.platform(terse=True)}, Python {platform.python_version()}",
        "load": f"load {os.getloadavg()[0]:.1f} before",
        "database": describe_database(database_url),
        "server": f"gunicorn, {gunicorn.workers} workers of {gunicorn.threads} threads, {CONNECTIONS} connections",
    }


def describe_database(url: str) -> str:
    with psycopg.connect(url) as connection:
        version, *settings = (
            (connection.execute(f"SHOW {name}".encode()).fetchone() or [""])[0]
            for name in ("server_version", *DURABILITY)
        )
    durability = ", ".join(f"{name} {value}" for name, value in zip(DURABILITY, settings, strict=True))
    return f"PostgreSQL {version}, {durability}"
