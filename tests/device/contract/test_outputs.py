"""Tests of `device.contract.outputs`: the row that all outputs' logits form, and the answers in it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from device.contract.manifest import Manifest, ManifestError, OutputContract, read_manifest
from device.contract.outputs import Output, joined, read_outputs, whole_rows
from device.quantisation import Quantisation
from tests.support.checkout import MODELS

ONE = Quantisation(1.0, 0)


def output(name: str, shape: tuple[int, ...], *, per_step: bool = False) -> OutputContract:
    labels = tuple("abcdefgh"[: shape[-1]])
    return OutputContract(name, shape, ONE, "classes", per_step, labels, "", 1.0, 0.0, "")


def manifest(*outputs: OutputContract, streams: bool = True) -> Manifest:
    """A manifest of 7 steps of 4 lines."""
    released = read_manifest(MODELS / "rows2d")
    return replace(released, outputs=outputs, states=released.states if streams else ())


LAST, EACH = output("last", (1, 2)), output("each", (1, 7, 3), per_step=True)
# After step 3, say: of `last` 30 and 31, of `each` 32, 33 and 34.
ROWS = [np.arange(10 * step, 10 * step + 5).astype(np.int8) for step in range(7)]


def test_a_row_has_the_outputs_one_after_another() -> None:
    """Of an output with answers for each step it has those of its own step; in a file that does not stream, all."""
    last, each = read_outputs(manifest(LAST, EACH))
    assert (last.columns, each.columns) == (slice(0, 2), slice(2, 5))
    assert (last.per_step, last.each_step, each.per_step, each.each_step) == (False, False, True, True)
    assert (last.in_step.shape, each.in_step.shape) == ((1, 2), (1, 1, 3))
    last, each = read_outputs(manifest(LAST, EACH, streams=False))
    assert (last.columns, each.columns) == (slice(0, 2), slice(2, 23))
    assert (each.per_step, each.each_step, each.in_step.shape) == (True, False, (1, 7, 3))


def test_logits_are_taken_out_of_a_row() -> None:
    """Of one step in a file that streams, of all in one that does not."""
    last, each = read_outputs(manifest(LAST, EACH))
    assert last.logits(ROWS[3]).tolist() == [30, 31]
    assert each.logits(ROWS[3]).tolist() == [32, 33, 34]
    _, each = read_outputs(manifest(LAST, EACH, streams=False))
    assert each.logits(np.arange(23).astype(np.int8))[[0, 6]].tolist() == [[2, 3, 4], [20, 21, 22]]


def test_rows_are_joined_to_outputs_and_back() -> None:
    """What answers once has the last row's logits. All rows are known only if all outputs answer each step."""
    outputs = read_outputs(manifest(LAST, EACH))
    whole = joined(outputs, ROWS)
    assert whole["last"].tolist() == [[60, 61]]
    assert whole["each"].shape == (1, 7, 3)
    assert whole["each"][0, :2].tolist() == [[2, 3, 4], [12, 13, 14]]
    assert whole_rows(outputs, whole).tolist() == [[60, 61, 62, 63, 64]]
    both = read_outputs(manifest(EACH, replace(EACH, name="other")))
    rows = [np.arange(6 * step, 6 * step + 6).astype(np.int8) for step in range(7)]
    assert whole_rows(both, joined(both, rows)).tolist() == [row.tolist() for row in rows]


def test_whole_rows_without_streaming_have_all_steps_in_one() -> None:
    """The logits of `each` follow those of `last`, step by step."""
    outputs = read_outputs(manifest(LAST, EACH, streams=False))
    whole = {"last": np.array([[1, 2]], np.int8), "each": np.arange(21).reshape(1, 7, 3).astype(np.int8)}
    assert whole_rows(outputs, whole).tolist() == [[1, 2, *range(21)]]


@pytest.mark.parametrize(("streams", "lines"), [(True, [4, 8, 12, 16, 20, 24, 28]), (False, [28] * 7)])
def test_each_step_has_an_answer_after_its_lines(streams: bool, lines: list[int]) -> None:
    """A file that does not stream needs all lines for each."""
    _, each = read_outputs(manifest(LAST, EACH, streams=streams))
    logits = np.zeros((7, 3), np.int8)
    logits[np.arange(7), [0, 1, 2, 0, 1, 2, 0]] = 50
    answer = each.answer(logits, 28, 0.0)
    assert [step.label for step in answer.steps] == list("abcabca")
    assert [step.lines_read for step in answer.steps] == lines
    assert (answer.text, answer.lines_read) == (None, 28)


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (output("a", (1, 7, 3)), "Expected a of shape [1, classes]. Received: [1, 7, 3]"),
        (output("a", (2, 3)), "Expected a of shape [1, classes]. Received: [2, 3]"),
        (output("a", (1, 3), per_step=True), "Expected a of shape [1, steps, classes]. Received: [1, 3]"),
        (output("a", (1, 0, 3), per_step=True), "Expected a of shape [1, steps, classes]. Received: [1, 0, 3]"),
        (output("a", (1, 6, 3), per_step=True), "Expected a with 7 steps. Received: [1, 6, 3]"),
    ],
)
def test_refuses_a_shape_without_answers(contract: OutputContract, message: str) -> None:
    """Of one input, with a row of classes or one for each of the steps."""
    with pytest.raises(ManifestError, match=f"^{re.escape(message)}$"):
        Output(contract, manifest(LAST), 0)


def test_another_number_of_steps_is_none_of_the_inputs_without_streaming() -> None:
    """Such a file answers once, so its answers need not be as many as the input has steps."""
    assert Output(output("a", (1, 6, 3), per_step=True), manifest(LAST, streams=False), 0).columns == slice(0, 18)
