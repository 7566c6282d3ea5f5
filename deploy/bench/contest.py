"""Contenders measured and judged: the outcome of a part that compares."""

import random
from collections.abc import Mapping, Sequence

from deploy.bench.comparison import Samples, measure, noise
from deploy.bench.contender import Contender
from deploy.bench.goals import OURS, Goal, Verdict, judge
from deploy.bench.load import CONNECTIONS
from deploy.bench.outcome import Conditions, Judged, Outcome
from deploy.bench.report import figures_table, ratio_text
from deploy.bench.wire import Counts


def compare(
    title: str,
    contenders: Sequence[Contender],
    goals: Sequence[Goal],
    conditions: Conditions,
    counts: Mapping[str, Counts] | None = None,
) -> tuple[Outcome, Samples]:
    """`counts`: what was counted beforehand, by the contender's name. Raises StepError when one did not do its work."""
    plan, counted = conditions.plan, counts or {}
    samples, disturbed = measure(contenders, plan, random.Random(conditions.seed))  # noqa: S311 it decides who runs first
    noisy = noise(samples)
    verdicts = [] if noisy else list(judge(goals, samples))
    rounds = (
        f"{plan.rounds} rounds of {plan.seconds:g} s each over {CONNECTIONS} connections, median (lowest .. highest)"
    )
    if disturbed:
        rounds += (
            f"; {disturbed} more were disturbed: whoever does the same in each was less than half as fast as at best"
        )
    outcome = Outcome(
        title=title,
        lines=[f"{rounds}:", "", *figures_table(samples, counted, OURS, with_ratios=not noisy)],
        judged=[judged(verdict) for verdict in verdicts],
        noisy=noisy,
        figures={
            "plan": plan._asdict(),
            "seed": conditions.seed,
            "disturbed": disturbed,
            "counts": {name: one._asdict() for name, one in counted.items()},
            "contenders": {name: [sample._asdict() for sample in of_rounds] for name, of_rounds in samples.items()},
        },
    )
    return outcome, samples


def judged(verdict: Verdict) -> Judged:
    goal = verdict.goal
    return Judged(
        goal=goal.text,
        to_reach=goal.bound(goal.goal),
        stretch="" if goal.stretch is None else goal.bound(goal.stretch),
        figure=ratio_text(verdict.ratio),
        met="stretch" if verdict.stretch_met else "yes" if verdict.met else "no",
    )
