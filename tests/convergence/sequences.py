"""Sequences of a story's deliveries, as numbers of their places in the order in which Stripe made them."""

from collections.abc import Callable, Iterator
from itertools import permutations
from math import factorial
from random import Random

PERMUTED = 6

type Sequence = tuple[int, ...]


def sequences_of(count: int, random: Random, *, at_most: int | None) -> Iterator[Sequence]:
    """All permutations of few deliveries; of more Stripe's order, its reverse and random ones, each once.

    At most so many; None: all permutations of up to `PERMUTED` deliveries, 500 random ones of more.
    """
    limit = (factorial(PERMUTED) if count <= PERMUTED else 500) if at_most is None else at_most
    if factorial(count) <= limit:
        yield from permutations(range(count))
        return
    tried = {tuple(range(count)), tuple(reversed(range(count)))}
    while len(tried) < limit:
        tried.add(tuple(random.sample(range(count), count)))
    yield from tried


def with_duplicates(sequence: Sequence, seed: str) -> Sequence:
    """The same order of first arrivals; behind about a third of them one comes again that has come before.

    Which one follows from the seed and from what came until then, so that sequences that begin alike stay alike.
    """
    repeated: list[int] = []
    for place, one in enumerate(sequence, start=1):
        repeated.append(one)
        random = Random(f"{seed} {sequence[:place]}")  # noqa: S311 a failure is repeated by its seed
        if random.random() < 1 / 3:
            repeated.append(random.choice(sequence[:place]))
    return tuple(repeated)


def common_length(one: Sequence, other: Sequence) -> int:
    """How many deliveries two sequences begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (mine, theirs) in enumerate(pairs) if mine != theirs), min(len(one), len(other)))


def shrink(sequence: Sequence, diverges: Callable[[Sequence], bool]) -> Sequence:
    """The shortest sequence found that still ends otherwise than the same deliveries in Stripe's order.

    Deliveries are left out one by one, then neighbours are brought back into Stripe's order, while it still diverges.
    """
    shorter = True
    while shorter:
        shorter = False
        for place in range(len(sequence)):
            candidate = sequence[:place] + sequence[place + 1 :]
            if diverges(candidate):
                sequence, shorter = candidate, True
                break
    for place in range(len(sequence) - 1):
        swapped = (*sequence[:place], sequence[place + 1], sequence[place], *sequence[place + 2 :])
        if sequence[place] > sequence[place + 1] and diverges(swapped):
            return shrink(swapped, diverges)
    return sequence
