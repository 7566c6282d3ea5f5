"""The simulator's clock: real time plus what `POST /_sim/advance` has added."""

import time
from dataclasses import dataclass


@dataclass
class Clock:
    """Whole seconds since the epoch, as Stripe stamps its objects."""

    offset: int = 0

    def now(self) -> int:
        return int(time.time()) + self.offset

    def advance(self, seconds: int) -> None:
        self.offset += seconds
