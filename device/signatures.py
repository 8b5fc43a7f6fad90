"""The names of a file's signatures, their inputs and outputs, shared by converters, gate and device."""

from __future__ import annotations

from collections.abc import Sequence

from .manifest import TensorContract

# A state that goes into `step` as NAME comes out as NAME_out.
STATE_SUFFIX = "_out"


# The input of `step` that takes the lines, rows or columns.
LINES = "rows"


def step_contracts(states: Sequence[TensorContract]) -> tuple[TensorContract, ...]:
    """Returns what `step` must give out for the states that go in."""
    return tuple(TensorContract(state.name + STATE_SUFFIX, state.shape, state.quantisation) for state in states)
