"""One run from its first round to its tables, `.local/bench/latest.json` and the picture."""

import json
import os
import platform
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from deploy import gunicorn
from deploy.bench.comparison import Plan, measure, noise
from deploy.bench.contender import Contender
from deploy.bench.goals import OURS, Goal, judge
from deploy.bench.load import CONNECTIONS
from deploy.bench.picture import draw
from deploy.bench.report import as_json, figures_table, goals_table, refusal
from deploy.processes import LOCAL, ROOT

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
LATEST = LOCAL / "bench" / "latest.json"
PICTURE = ROOT / "docs" / "performance.svg"
TOO_NOISY = 3


class Run(NamedTuple):
    """`draw`: the picture is written. `quick`: the ratios alone are printed."""

    plan: Plan
    quick: bool
    draw: bool
    database_url: str


def compare(contenders: Sequence[Contender], goals: Sequence[Goal], run: Run) -> int:
    """Measures, prints, keeps; the exit code. Raises StepError when a contender did not do its work."""
    seed = random.randrange(2**32)  # noqa: S311 it decides who runs first
    header = describe(run, seed)
    samples = measure(contenders, run.plan, random.Random(seed))  # noqa: S311 as above
    noisy = noise(samples)
    verdicts = [] if noisy else list(judge(goals, samples))
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps(as_json(header, samples, verdicts, noisy), indent=1) + "\n")
    for text in sections(header, run, [] if run.quick else list(figures_table(samples, OURS, with_ratios=not noisy))):
        print(text)
    for text in refusal(noisy) if noisy else goals_table(verdicts):
        print(text)
    if noisy:
        return TOO_NOISY
    if run.draw:
        PICTURE.write_text(draw(samples))
    return 0


def sections(header: dict[str, object], run: Run, figures: Sequence[str]) -> Iterator[str]:
    yield ", ".join(str(header[name]) for name in ("machine", "database", "server"))
    yield f"{header['made_at']}: median (lowest .. highest) of {run.plan.rounds} rounds of {run.plan.seconds:g} s each"
    yield ""
    if figures:
        yield from figures
        yield ""


def describe(run: Run, seed: int) -> dict[str, object]:
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.platform(terse=True)}, Python {platform.python_version()}",
        "load_before": os.getloadavg(),
        "database": describe_database(run.database_url),
        "server": f"gunicorn, {gunicorn.workers} workers of {gunicorn.threads} threads, {CONNECTIONS} connections",
        "rounds": run.plan.rounds,
        "seconds": run.plan.seconds,
        "quick": run.quick,
        "seed": seed,
    }


def describe_database(url: str) -> str:
    with psycopg.connect(url) as connection:
        version, *settings = (
            (connection.execute(f"SHOW {name}".encode()).fetchone() or [""])[0]
            for name in ("server_version", *DURABILITY)
        )
    durability = ", ".join(f"{name} {value}" for name, value in zip(DURABILITY, settings, strict=True))
    return f"PostgreSQL {version}, {durability}"
