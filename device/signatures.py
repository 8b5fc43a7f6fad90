"""The names of a file's signatures, their inputs and outputs, shared by converters, gate and device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .contract.manifest import TensorContract

# The signature that takes a whole crop, with its input.
CLASSIFY = "classify"
CROP = "crop"
# The signature that takes the lines of one time step, with its input. The lines may be columns; the name is the files'.
STEP = "step"
LINES = "rows"
# The output of both.
LOGITS = "logits"
# A state that goes into `step` as NAME comes out as NAME_out.
STATE_SUFFIX = "_out"


def step_contracts(states: Sequence[TensorContract]) -> tuple[TensorContract, ...]:
    """Returns the outputs that `step` must have for the states among its inputs."""
    return tuple(replace(state, name=state.name + STATE_SUFFIX) for state in states)
