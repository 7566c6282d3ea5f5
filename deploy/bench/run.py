"""A run of some parts: what it prints, keeps in `.local/bench/latest.json`, and publishes in docs/performance.md."""

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from deploy import gunicorn
from deploy.bench.outcome import Conditions, Judged, Outcome, Part
from deploy.bench.report import goals_table, refusal
from deploy.processes import LOCAL, ROOT, StepError

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
LATEST = LOCAL / "bench" / "latest.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- written by make bench: end -->"
NOT_DONE, TOO_NOISY = 1, 3


class Kept(NamedTuple):
    """Where a run leaves what it measured: `results` in full. It publishes on `page`, if there is one, and beside it a
    picture: all that was measured last of the parts of `order`, by whatever run.
    """

    results: Path = LATEST
    page: Path | None = None
    order: Sequence[str] = ()


def run_parts(parts: Mapping[str, Part], conditions: Conditions, kept: Kept, machine: Sequence[str]) -> int:
    """The exit code: a goal that is missed changes nothing; a machine that was too noisy does, and a part that can't be
    measured, while all others still are. `machine` is what a reader must know of it.
    """
    print(", ".join(machine), flush=True)
    outcomes: dict[str, Outcome] = {}
    failed = False
    for name, part in parts.items():
        began = describe_moment()
        try:
            outcomes[name] = part(conditions)
        except StepError as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            failed = True
            continue
        keep(kept, name, began, outcomes[name])
        print("\n".join(said_of(outcomes[name], began, quick=conditions.quick)), flush=True)
    judged = [one for outcome in outcomes.values() for one in outcome.judged]
    if judged:
        print("\n".join(["", *goals_table(judged)]))
    if kept.page:
        publish(kept.results, kept.page, kept.order, machine)
    if failed:
        return NOT_DONE
    return TOO_NOISY if any(outcome.noisy for outcome in outcomes.values()) else 0


def said_of(outcome: Outcome, began: str, *, quick: bool) -> Iterator[str]:
    if not quick:
        yield from ("", f"## {outcome.title}", "", f"{began}.", "", *outcome.lines)
    if outcome.noisy:
        yield from ("", *refusal(outcome.noisy))


def keep(kept: Kept, name: str, began: str, outcome: Outcome) -> None:
    """In place of what was measured of this part before; what an earlier run measured of others stays."""
    parts = read_kept(kept.results)
    parts[name] = {"began": began, **outcome._asdict(), "judged": [one._asdict() for one in outcome.judged]}
    kept.results.parent.mkdir(parents=True, exist_ok=True)
    kept.results.write_text(json.dumps({"parts": parts}, indent=1) + "\n")


def read_kept(results: Path) -> dict[str, Any]:
    try:
        parts: dict[str, Any] = json.loads(results.read_text())["parts"]
    except (OSError, ValueError, KeyError):  # none, or of another version
        return {}
    return parts


def publish(results: Path, page: Path, order: Sequence[str], machine: Sequence[str]) -> None:
    """Between the two marks of the page; what was too noisy is left out. Raises StepError."""
    found = read_kept(results)
    parts = [found[name] for name in order if name in found and not found[name]["noisy"]]
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise StepError(f"{page.name} has no place for the tables: {BEGIN}")
    text = "\n".join(published(parts, machine))
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    for one in parts:
        if one["picture"]:
            page.with_suffix(".svg").write_text(one["picture"])


def published(parts: Sequence[Mapping[str, Any]], machine: Sequence[str]) -> Iterator[str]:
    yield f"{', '.join(machine)}."
    yield ""
    yield from goals_table([Judged(**one) for part in parts for one in part["judged"]])
    for part in parts:
        yield from ("", f"### {part['title']}", "", f"{part['began']}.", "", *part["lines"])


def describe_moment() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f} before"


def describe_machine(database_url: str) -> list[str]:
    return [
        f"{os.cpu_count()} cores, {platform.platform(terse=True)}, Python {platform.python_version()}",
        describe_database(database_url),
        f"gunicorn with {gunicorn.workers} workers of {gunicorn.threads} threads",
    ]


def describe_database(url: str) -> str:
    with psycopg.connect(url) as connection:
        version, *settings = (
            (connection.execute(f"SHOW {name}".encode()).fetchone() or [""])[0]
            for name in ("server_version", *DURABILITY)
        )
    durability = ", ".join(f"{name} {value}" for name, value in zip(DURABILITY, settings, strict=True))
    return f"PostgreSQL {version}, {durability}"
