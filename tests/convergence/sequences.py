"""Sequences of a story's deliveries, as numbers of their places in the order in which Stripe made them."""

from collections.abc import Callable, Iterator
from itertools import permutations
from math import factorial
from random import Random

PERMUTED = 6

type Sequence = tuple[int, ...]


def sequences_of(count: int, random: Random, *, at_most: int | None) -> Iterator[Sequence]:
    """All permutations of few deliveries; of more Stripe's order, its reverse and random ones.

    At most so many; None: all permutations of up to `PERMUTED` deliveries, 500 random ones of more.
    """
    limit = (factorial(PERMUTED) if count <= PERMUTED else 500) if at_most is None else at_most
    if factorial(count) <= limit:
        yield from permutations(range(count))
        return
    yield tuple(range(count))
    yield tuple(reversed(range(count)))
    for _ in range(limit - 2):
        yield tuple(random.sample(range(count), count))


def with_duplicates(sequence: Sequence, random: Random) -> Sequence:
    """The same order of first arrivals; about a third of the deliveries come again, some time later."""
    repeated = list(sequence)
    for one in sequence:
        if random.random() < 1 / 3:
            repeated.insert(random.randint(repeated.index(one) + 1, len(repeated)), one)
    return tuple(repeated)


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
