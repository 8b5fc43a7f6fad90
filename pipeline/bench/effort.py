"""How much `bench` measures."""

from __future__ import annotations

from dataclasses import dataclass

_MIN_CALLS, _MAX_CALLS = 5, 500


@dataclass(frozen=True)
class Effort:
    """The rounds of each number of threads, the time of a round, and how many inputs are read.

    Networks that are trained for it learn at most so many training inputs in so many epochs. Instructions are counted
    if asked for: that takes a minute for each peer.
    """

    rounds: int
    round_ms: float
    test_inputs: int
    corrupted_inputs: int
    training_inputs: int
    epochs: int
    counts_instructions: bool = False

    def __post_init__(self) -> None:
        counts = (self.test_inputs, self.corrupted_inputs, self.training_inputs, self.epochs)
        if self.rounds < 5 or min(self.round_ms, *counts) <= 0:
            raise ValueError(f"Expected rounds >= 5, and the others > 0. Received: {self}")

    def calls(self, per_call_us: float) -> int:
        """Returns how many calls take a round's time."""
        return int(min(max(1e3 * self.round_ms / per_call_us, _MIN_CALLS), _MAX_CALLS))


FULL = Effort(
    20, 100, test_inputs=10_000, corrupted_inputs=200, training_inputs=60_000, epochs=8, counts_instructions=True
)
QUICK = Effort(5, 30, test_inputs=500, corrupted_inputs=20, training_inputs=10_000, epochs=1)
