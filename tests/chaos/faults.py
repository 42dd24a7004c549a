"""What the sink does to a mail: planned by a seed, the same in every run with that seed."""

from __future__ import annotations

from enum import StrEnum
from random import Random

HOPELESS = "busy"  # addresses that begin so are deferred for ever
FAULTY_ATTEMPTS = 3  # then an address is treated well, so that the run comes to its end
ODDS_OF_TROUBLE = 0.35
ODDS_OF_NO_WELCOME = 0.03


class Fault(StrEnum):
    """Named by the moment and the deed; `NONE` is what a well-behaved server does."""

    NONE = "none"
    REFUSE_RCPT = "5xx to RCPT"
    DEFER_RCPT = "4xx to RCPT"
    CLOSE_RCPT = "421 to RCPT, closed"
    STALL_RCPT = "long stall at RCPT"
    DROP_DATA = "dropped mid-DATA"
    REFUSE_DOT = "5xx to the dot"
    DEFER_DOT = "4xx to the dot"
    TARPIT_DOT = "slow answer to the dot"
    DROP_DOT = "dropped after the dot, not taken"
    TAKE_AND_DROP = "dropped after the dot, taken"


WEIGHTS = {
    Fault.REFUSE_RCPT: 3,
    Fault.DEFER_RCPT: 5,
    Fault.CLOSE_RCPT: 2,
    Fault.STALL_RCPT: 1,
    Fault.DROP_DATA: 4,
    Fault.REFUSE_DOT: 2,
    Fault.DEFER_DOT: 4,
    Fault.TARPIT_DOT: 4,
    Fault.DROP_DOT: 3,
    Fault.TAKE_AND_DROP: 3,
}


class Plan:
    """Decides by the address and how often it was tried, not by when or by whom."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fault(self, address: str, attempt: int) -> Fault:
        """Return what befalls the `attempt`-th try at an address (1 is the first)."""
        if address.startswith(HOPELESS):
            return Fault.DEFER_RCPT
        dice = Random(f"{self._seed} {address} {attempt}")
        if attempt > FAULTY_ATTEMPTS or dice.random() > ODDS_OF_TROUBLE:
            return Fault.NONE
        return dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def welcomes(self, connection: int) -> bool:
        """Tell whether the `connection`-th visitor is let in at all."""
        return Random(f"{self._seed} {connection}").random() > ODDS_OF_NO_WELCOME
