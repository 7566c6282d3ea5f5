"""One story on stage: its deliveries posted in any order, from the same beginning each time."""

from collections.abc import Iterable
from collections.abc import Sequence as Many
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby

import requests

from billing.accounts import account_named
from tests.convergence.acting import Stage
from tests.convergence.capturing import describe
from tests.convergence.database import forget_rows, keep_again, keep_rows, put_back, tidy
from tests.convergence.ending import Ending, read_ending
from tests.convergence.sequences import Sequence, common_length, shrink
from tests.convergence.stories import Story
from tests.simulated import SECRETS, TIMEOUT, signed
from webhooks.events import parse_event
from webhooks.models import DeliverySource
from webhooks.services import DeliveryFailedError, receive_delivery

STAGED = "staged"
CLIENTS = 8
TRIES = 5
TIDY_EVERY = 250
# So many sequences have all streams checked, the others those of their order.
THOROUGH_EVERY = 25
# The first divergences are shrunk; where a rule is broken the others are hundreds of the same.
SHRUNK = 3


class Performance:
    """Counts what it does; `divergences` are texts, each with the shortest sequence that shows it."""

    def __init__(self, story: Story, stage: Stage) -> None:
        self.captured = stage.perform(story)
        self._order_id = stage.order_id
        self._events = [(account_named(one.account), one.payload) for one in self.captured]
        self._kept: set[str] = set()
        self.sequences = self.deliveries = self.posted = self.posted_again = 0
        self.divergences: list[str] = []
        self.keep(STAGED)
        in_order = tuple(range(len(self.captured)))
        self.expected = self.ending_of(in_order, thorough=True)
        if wrongs := self.expected.wrongs(story.end):
            self.divergences.append(self.report(in_order, wrongs))

    def close(self) -> None:
        for name in self._kept:
            forget_rows(name)

    @property
    def tally(self) -> dict[str, int]:
        """`deliveries` of all sequences; those that begin alike are performed together, hence fewer were `posted`."""
        return {
            "stories": 1,
            "sequences": self.sequences,
            "deliveries": self.deliveries,
            "posted": self.posted,
            "posted again": self.posted_again,
            "divergences": len(self.divergences),
        }

    def try_sequences(self, sequences: Iterable[Sequence]) -> None:
        put_back(STAGED)
        self.go_on(sorted(sequences), 0)

    def go_on(self, sequences: list[Sequence], place: int) -> None:
        """From the database as it is after the first `place` deliveries, which all of them begin with."""
        parting = common_length(sequences[0], sequences[-1])
        self.post_all(sequences[0][place:parting])
        if len(sequences) == 1:
            self.judge(sequences[0])
            return
        name = f"after_{parting}"
        self.keep(name)
        for number, (_, alike) in enumerate(groupby(sequences, key=lambda sequence: sequence[parting])):
            if number:
                put_back(name)
            self.go_on(list(alike), parting)

    def keep(self, name: str) -> None:
        (keep_again if name in self._kept else keep_rows)(name)
        self._kept.add(name)

    def judge(self, sequence: Sequence) -> None:
        ending = self.count(sequence, thorough=self.sequences % THOROUGH_EVERY == 0)
        differences = ending.differences(self.expected)
        if differences and len(self.divergences) < SHRUNK:
            sequence = shrink(sequence, self.diverges)
            differences = self.differences_of(sequence) or differences
        if differences:
            self.divergences.append(self.report(sequence, differences))

    def try_concurrently(self, sequence: Sequence, base: str) -> None:
        """By clients that post at once, each the next delivery that nobody has posted yet."""
        put_back(STAGED)
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(lambda number: self.post(number, base), sequence))
        self.posted += len(sequence)
        if differences := self.count(sequence, thorough=True).differences(self.expected):
            self.divergences.append("posted by several clients at once:\n" + self.report(sequence, differences))

    def shortest_divergence(self) -> str:
        return min(self.divergences, key=lambda report: report.count("\n"))

    def diverges(self, sequence: Sequence) -> bool:
        return bool(self.differences_of(sequence))

    def differences_of(self, sequence: Sequence) -> list[str]:
        """From how the same deliveries end without duplicates and in Stripe's order."""
        in_order = self.ending_of(sorted(set(sequence)), thorough=True)
        return self.ending_of(sequence, thorough=True).differences(in_order)

    def ending_of(self, sequence: Many[int], *, thorough: bool) -> Ending:
        put_back(STAGED)
        self.post_all(sequence)
        return self.count(sequence, thorough=thorough)

    def post_all(self, sequence: Many[int]) -> None:
        for number in sequence:
            account, payload = self._events[number]
            # The delivery is on record as failed then, which the ending shows.
            with suppress(DeliveryFailedError):
                receive_delivery(
                    account=account, event=parse_event(payload), payload=payload, source=DeliverySource.WEBHOOK
                )
        self.posted += len(sequence)

    def count(self, sequence: Many[int], *, thorough: bool) -> Ending:
        self.sequences += 1
        self.deliveries += len(sequence)
        if self.sequences % TIDY_EVERY == 0:
            tidy(*self._kept)
        return read_ending(self._order_id, thorough=thorough)

    def post(self, number: int, base: str) -> None:
        """Like Stripe: again until it is acknowledged."""
        account, payload = self.captured[number].account, self._events[number][1]
        for _ in range(TRIES):
            headers = {"Content-Type": "application/json", "Stripe-Signature": signed(payload, SECRETS[account])}
            answer = requests.post(f"{base}/webhooks/stripe/{account}/", payload, headers=headers, timeout=TIMEOUT)
            if answer.ok:
                return
            self.posted_again += 1

    def report(self, sequence: Sequence, differences: list[str]) -> str:
        lines = [*describe([self.captured[number] for number in sequence]), *(f"   {text}" for text in differences)]
        return "\n".join(lines)
