"""Tests of `device.step_loop`, on models small enough to compute in the head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from device.step_loop import KeyedModel, SignatureModel, StateKeys, StepLoop, named_states

Numbers = npt.NDArray[np.int8]


def numbers(*values: int) -> Numbers:
    return np.array(values, np.int8)


class SharedMemory(KeyedModel):
    """Gives its two states out swapped, from the memory into which they come: 0 and 1; 2 takes lines, 3 is logits."""

    def __init__(self, states: Sequence[StateKeys]) -> None:
        super().__init__(states, lines=2, logits=3)
        self.memory = [numbers(0) for _ in range(4)]
        self.calls: list[str] = []

    def set_input(self, key: int, value: Numbers) -> None:
        self.calls.append(f"set {key}")
        self.memory[key] = value.copy()

    def run(self) -> None:
        self.calls.append("run")
        self.memory[:2] = self.memory[1], self.memory[0]
        self.memory[3] = 10 * self.memory[0] + self.memory[1] + self.memory[2]

    def output(self, key: int) -> Numbers:
        return self.memory[key].copy()


def shared_memory() -> tuple[SharedMemory, StepLoop]:
    # What went in as 0 comes out as 1.
    model = SharedMemory([StateKeys(0, 1, numbers(3)), StateKeys(1, 0, numbers(4))])
    return model, StepLoop(model)


def running_sum(rows: Numbers, total: Numbers) -> dict[str, Numbers]:
    return {"logits": 2 * (total + rows), "total_out": total + rows}


def test_a_sequence_begins_with_real_zeros_and_hands_states_on() -> None:
    loop = StepLoop(SignatureModel(running_sum, named_states({"total": numbers(-5)})))
    assert [loop.step(numbers(line)).tolist() for line in (1, 2, 3)] == [[-8], [-4], [2]]


def test_reset_begins_again() -> None:
    loop = StepLoop(SignatureModel(running_sum, named_states({"total": numbers(-5)})))
    loop.step(numbers(1))
    loop.reset()
    assert loop.step(numbers(1)).tolist() == [-8]
    loop.set_states()
    loop.reset()
    assert loop.step(numbers(2)).tolist() == [-6]


def test_states_are_read_before_any_is_set() -> None:
    """Inputs and outputs may share memory: a state that is set first must not change the other."""
    _, loop = shared_memory()
    assert [loop.step(numbers(0)).tolist() for _ in range(3)] == [[43], [43], [43]]


def test_states_are_set_once_for_each_step_ahead_of_its_lines() -> None:
    model, loop = shared_memory()
    loop.set_states()
    loop.set_states()
    assert model.calls == ["set 0", "set 1"]
    loop.step(numbers(0))
    loop.step(numbers(0))
    assert model.calls == 2 * ["set 0", "set 1", "set 2", "run"]


def test_states_are_named_as_they_go_in_and_come_out() -> None:
    (keys,) = named_states({"h7": numbers(-3)})
    assert (keys.input, keys.output, keys.zero.tolist()) == ("h7", "h7_out", [-3])
