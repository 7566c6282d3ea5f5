"""Who is killed when, and what goes wrong at Stripe: drawn from the seed, every kind as often as the others."""

import time
from collections.abc import Iterator, Sequence

import requests

from tests.chaos.house import VICTIMS, House, drawn_from
from tests.chaos.shoppers import Row
from tests.simulated import TIMEOUT, SimulatedStripe

KILL_SECONDS = (2.0, 6.0)
FAULT_SECONDS = (0.4, 1.2)
POLL_SECONDS = 0.1
REQUESTS = (
    "",
    "POST /v1/*",
    "POST /v1/checkout/sessions",
    "POST /v1/payment_intents",
    "POST /v1/refunds",
    "POST /v1/coupons",
    "POST /v1/tax_rates",
)
EVENTS = ("*", "checkout.session.*", "payment_intent.*", "charge.*", "refund.*")
# By fault, for how many seconds: an answer after more than 15 is one that nobody waits for.
FAULTS: dict[str, Sequence[int]] = {
    "timeout_before": (1, 1, 2, 17),
    "timeout_after": (1, 1, 2, 17),
    "drop": (0,),
    "delay": (1, 2, 4),
    "http_500": (0,),
    "http_429": (0,),
    "webhook_drop": (0,),
    "webhook_duplicate": (0,),
    "webhook_delay": (1, 3, 6),
    "webhook_reorder": (1, 2, 3),
}


class Mischief:
    """Runs in the thread that holds the house."""

    def __init__(self, house: House, seed: str) -> None:
        self._house = house
        self._rng = drawn_from(seed, "mischief")

    def run(self, seconds: float) -> None:
        """Kills, restarts and faults for that long; the last kill leaves time to start again."""
        victims, faults = self._in_turns(VICTIMS), self._in_turns(list(FAULTS))
        now = time.monotonic()
        end, kill_at, fault_at = now + seconds, now + self._rng.uniform(*KILL_SECONDS), now
        while now < end:
            self._house.tend()
            if now >= kill_at:
                self._house.kill(next(victims))
                kill_at = now + self._rng.uniform(*KILL_SECONDS)
            if now >= fault_at:
                self._order(next(faults))
                fault_at = now + self._rng.uniform(*FAULT_SECONDS)
            time.sleep(POLL_SECONDS)
            now = time.monotonic()

    def _in_turns(self, kinds: Sequence[str]) -> Iterator[str]:
        while True:
            yield from self._rng.sample(kinds, len(kinds))

    def _order(self, fault: str) -> None:
        match = self._rng.choice(EVENTS if fault.startswith("webhook_") else REQUESTS)
        times, seconds = self._rng.choice([1, 1, 3]), self._rng.choice(FAULTS[fault])
        self._house.stripe.order_fault(fault, match, times=times, seconds=seconds)


def faults_met(stripe: SimulatedStripe, deliveries: Sequence[Row]) -> dict[str, int]:
    """By kind, how many requests and deliveries were hit; of the requests the last ten thousand are known."""
    received = requests.get(f"{stripe.base}/_sim/requests", timeout=TIMEOUT).json()["requests"]
    hit = [one["fault"] for one in (*received, *deliveries) if one["fault"] and not one.get("duplicate")]
    return {fault: hit.count(fault) for fault in FAULTS}
