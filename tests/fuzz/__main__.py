"""`python -m tests.fuzz`: strange requests to every address of the running product, and what must hold of each answer.

Exit 2 when it did not: the smallest request that shows it is written to a file, which `--again FILE` sends once more.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django
import msgspec

django.setup()

from deploy.processes import LOCAL, ROOT, StepError  # noqa: E402 as above
from tests.fuzz.campaign import Result, attack, shares, targets  # noqa: E402 as above
from tests.fuzz.cases import Case  # noqa: E402 as above
from tests.fuzz.endpoints import unknown_routes  # noqa: E402 as above
from tests.fuzz.stand import Stand, running_stand  # noqa: E402 as above
from tests.terminal import end_when_interrupted, say  # noqa: E402 as above

FOUND = 2
CASES = 20_000


class Failure(msgspec.Struct):
    """What is written of a target that failed."""

    target: str
    problems: list[str]
    case: Case | None
    answered: bytes


def run(stand: Stand, options: argparse.Namespace) -> list[Result]:
    """Each target has a seed of its own, so that one alone (`--only`) draws what it draws among all."""
    chosen = targets(stand)
    results = []
    for number, (target, cases) in enumerate(zip(chosen, shares(chosen, options.cases), strict=True)):
        if options.only in target.name:
            results.append(attack(stand, target, cases, options.seed + number))
            say(line_of(results[-1]))
    return results


def line_of(result: Result) -> str:
    answers = ", ".join(f"{status or 'none'} {count}" for status, count in sorted(result.answers.items()))
    return f"{result.name:34} {result.cases:6} {result.seconds:6.1f} s  {len(result.problems):4}  {answers}"


def left_behind(stand: Stand) -> list[str]:
    """What is wrong with the log of events after all that."""
    problems = []
    for command in (("replay", "--check"), ("audit", "verify")):
        code, findings = stand.findings(*command)
        say(f"{' '.join(command)}: {'clean' if code == 0 else f'exit {code}'}")
        if code:
            problems.append(f"{' '.join(command)}: exit {code}, {findings[:3]}")
    if stand.violations.exists():
        problems += stand.violations.read_text().splitlines()[:3]
    return problems


def write_failures(results: list[Result], number: int) -> None:
    """A request may need what others did before it: then the seed alone shows it again."""
    folder = LOCAL / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        if result.problems:
            path = folder / f"{''.join(c if c.isalnum() else '-' for c in result.name)}.json"
            failure = Failure(result.name, result.problems, result.failed, result.answered)
            path.write_bytes(msgspec.json.format(msgspec.json.encode(failure), indent=2))
            say(f"WRONG: {result.name}: {'; '.join(result.problems)[:300]}\n  {str(result.failed)[:600]}")
            say(f"  alone: make fuzz ARGS='--again {path.relative_to(ROOT)}'; with what came before: --seed {number}")


def send_again(stand: Stand, path: Path) -> list[str]:
    """The problems that the case still has."""
    failure = msgspec.json.decode(path.read_bytes(), type=Failure)
    [target] = [target for target in targets(stand) if target.name == failure.target]
    if failure.case is None:
        raise StepError("the server was gone; there is no single request to send again")
    exchange = stand.attempt(failure.case, may_write=target.may_write)
    say(f"{exchange.answer.status} {exchange.answer.body[:300]!r}\n{exchange.logged}")
    return list(target.judge(exchange))


def fuzz(options: argparse.Namespace) -> list[str]:
    with tempfile.TemporaryDirectory() as folder, running_stand(Path(folder)) as stand:
        if options.again:
            return send_again(stand, options.again)
        started = time.monotonic()
        say(f"{'target':34} {'cases':>6} {'time':>8}  wrong  answers by status")
        results = run(stand, options)
        total = sum(result.cases for result in results)
        wrong = sum(bool(result.problems) for result in results)
        say(f"{'total':34} {total:6} {time.monotonic() - started:6.1f} s  {wrong:4}  seed {options.seed}")
        write_failures(results, options.seed)
        return [problem for result in results for problem in result.problems] + left_behind(stand)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=CASES, help=f"how many requests (default {CASES})")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="default: another one in each run")
    parser.add_argument("--only", default="", metavar="NAME", help="only targets that hold this in their name")
    parser.add_argument("--again", type=Path, metavar="FILE", help="send the request of a failure once more")
    options = parser.parse_args()
    if unknown := unknown_routes():
        say(f"no strategy in tests/fuzz/endpoints.py: {', '.join(sorted(unknown))}")
        return FOUND
    end_when_interrupted()
    try:
        problems = fuzz(options)
    except StepError as failure:
        problems = [str(failure)]
        say(str(failure))
    say(f"{len(problems)} things are wrong" if problems else "nothing is wrong")
    return FOUND if problems else 0


if __name__ == "__main__":
    sys.exit(main())
