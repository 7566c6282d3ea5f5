"""Who is attacked with what, how often, and what came of it."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisWarning

from tests.fuzz.cases import Case
from tests.fuzz.deliveries import ENDPOINTS, mangled, pretended, signed_bodies
from tests.fuzz.endpoints import SHOP
from tests.fuzz.judging import judge_pretended, judge_raw, judge_signed, judge_visit
from tests.fuzz.raw import raw_cases
from tests.fuzz.stand import Exchange, Stand

type Judge = Callable[[Exchange], Iterator[str]]


class FoundError(AssertionError):
    """An answer that must not be."""


@dataclass(frozen=True)
class Target:
    """`weight` is its share of all cases; `may_write`: verified, or a shopper's, so that rows may come of it."""

    name: str
    cases: st.SearchStrategy[Case]
    judge: Judge
    weight: int
    may_write: bool = True


@dataclass
class Result:
    """Cases are counted until the first failure, which is then made as small as it can be: the last one counts."""

    name: str
    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0
    failed: Case | None = None
    problems: list[str] = field(default_factory=list)
    answered: bytes = b""

    @property
    def cases(self) -> int:
        return self.answers.total()


def targets(stand: Stand) -> list[Target]:
    """In the order in which they are attacked: what must not write first, on tables that nobody else changes then."""
    found = [Target(f"pretended: {path}", pretended(path), judge_pretended, 14, may_write=False) for path in ENDPOINTS]
    found.append(Target("not HTTP", raw_cases, judge_raw, 5, may_write=False))
    for endpoint in SHOP.values():
        name = f"{endpoint.method} {endpoint.path}"
        found.append(Target(name, endpoint.cases(), partial(judge_visit, endpoint=endpoint), endpoint.weight))
    found.append(Target("signed, no event", signed_bodies(), judge_signed, 9))
    found.append(Target("signed, mangled", mangled(stand.corpus), judge_signed, 18))
    return found


def shares(targets: list[Target], cases: int) -> list[int]:
    """By weight, one at least; they add up to `cases` where there are so many."""
    weights = sum(target.weight for target in targets)
    given = [max(1, cases * target.weight // weights) for target in targets]
    given[-1] = max(1, given[-1] + cases - sum(given))
    return given


def attack(stand: Stand, target: Target, cases: int, number: int) -> Result:
    """Until one case fails, or all have been tried. The same number draws the same cases."""
    result = Result(target.name)

    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.cases)
    def try_one(case: Case) -> None:
        exchange = stand.attempt(case, may_write=target.may_write)
        problems = list(target.judge(exchange))
        if result.failed is None:
            result.answers[exchange.answer.status] += 1
        if problems:
            result.failed, result.problems, result.answered = case, problems, exchange.answer.body[:2000]
            raise FoundError("; ".join(problems))

    started = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)  # of values too long to be shown
            try_one()
    except (FoundError, Flaky):
        assert result.failed is not None
    except OSError as gone:
        result.problems = [f"the server is gone: {gone}"]
    result.seconds = time.monotonic() - started
    return result
