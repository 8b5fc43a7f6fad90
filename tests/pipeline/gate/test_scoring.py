"""Tests of `pipeline.gate.scoring`, on literal logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.contract.manifest import Accuracy, Fidelity
from pipeline.gate.scoring import Kind, answers, compare, fidelity, has_targets, right

# Of four inputs with two logits each, the answers are the classes 0, 1, 1 and 0, a tie.
INT8 = np.array([[10, -10], [0, 1], [-128, 127], [5, 5]], np.float32)
FLOAT = np.array([[1.0, 0.0], [0.0, 0.1], [3.0, -3.0], [0.0, 1.0]], np.float32)
STEPS = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]], np.float32)


@pytest.mark.parametrize(
    ("kind", "logits", "answered", "targets", "correct"),
    [
        pytest.param("classes", INT8, [0, 1, 1, 0], [0, 1, 0, 1], [True, True, False, False], id="classes"),
        pytest.param("classes", STEPS, [[0, 1, 0]], [[0, 1, 1]], [[True, True, False]], id="classes for each step"),
        pytest.param("binary", INT8[:, :1], [1, 0, 0, 1], [1, 1, 0, 1], [True, False, True, True], id="binary"),
        pytest.param(
            "binary",
            INT8[:, :1],
            [1, 0, 0, 1],
            [[1.0], [1.0], [0.0], [1.0]],
            [True, False, True, True],
            id="binary rows",
        ),
        pytest.param("binary", STEPS[..., :1], [[1, 0, 1]], [[1, 1, 1]], [[True, False, True]], id="binary by step"),
        pytest.param(
            "multilabel",
            INT8[:2],
            [[1, 0], [0, 1]],
            [[1.0, 0.0], [1.0, 1.0]],
            [[True, True], [False, True]],
            id="multilabel",
        ),
    ],
)
def test_answers_and_which_are_right(kind: Kind, logits: Any, answered: Any, targets: Any, correct: Any) -> None:
    """The largest logit is the class; each logit above 0 is a yes."""
    assert answers(kind, logits).tolist() == answered
    assert right(kind, logits, np.array(targets)).tolist() == correct


def test_values_are_no_choice() -> None:
    with pytest.raises(ValueError, match=r"^Expected an output whose answers are choices\. Received: values$"):
        answers("values", FLOAT)


def test_targets_of_another_shape_are_refused() -> None:
    """A target too many or for each step is refused, not broadcast."""
    with pytest.raises(ValueError, match=r"^Expected targets \(4,\) for classes\. Received: \(4, 1\)$"):
        right("classes", FLOAT, np.zeros((4, 1), np.int64))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 1, 1, 0], Accuracy(4, "four", 0.5, 1.0, -50.0, 0.5)),
        ([0, 1, 0, 1], Accuracy(4, "four", 1.0, 0.5, 50.0, 0.5)),
        ([1, 0, 1, 1], Accuracy(4, "four", 0.25, 0.25, 0.0, 0.5)),
    ],
)
def test_compares_accuracy_and_answers(labels: list[int], expected: Accuracy) -> None:
    """The drop is float less int8, in percentage points; agreement does not depend on the labels."""
    assert compare("classes", FLOAT, INT8, np.array(labels, np.uint8), "four") == expected


def test_each_label_of_an_input_counts() -> None:
    """Of two inputs with two labels, float gets three of four right, int8 two, and they agree on three."""
    targets = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    real, int8 = np.array([[2, -1], [-1, -1]], np.float32), np.array([[2, 1], [-1, -1]], np.float32)
    assert compare("multilabel", real, int8, targets, "two") == Accuracy(2, "two", 0.75, 0.5, 25.0, 0.75)


def test_refuses_no_inputs() -> None:
    with pytest.raises(ValueError, match=r"^Expected test inputs\. Received none$"):
        compare("classes", FLOAT[:0], INT8[:0], np.zeros(0, np.uint8), "nothing")


@pytest.mark.parametrize("logit", [float("nan"), float("inf")])
def test_refuses_float_logits_that_are_not_finite(logit: float) -> None:
    broken = FLOAT.copy()
    broken[2, 1] = logit
    with pytest.raises(ValueError, match="Expected finite logits of the float network"):
        compare("classes", broken, INT8, np.zeros(4, np.uint8), "four")
    with pytest.raises(ValueError, match="Expected finite logits of the float network"):
        fidelity("logits", broken, INT8, None)


@pytest.mark.parametrize(
    ("kind", "logits", "targets", "known"),
    [
        ("classes", FLOAT, np.zeros(4), True),
        ("classes", STEPS, np.zeros((1, 3)), True),
        ("classes", STEPS, np.zeros((1, 2)), False),
        ("binary", FLOAT[:, :1], np.zeros(4), True),
        ("multilabel", FLOAT, np.zeros((4, 2)), True),
        ("multilabel", FLOAT, np.zeros((4, 3)), False),
    ],
)
def test_a_transcription_says_of_no_step_what_is_right(
    kind: Kind, logits: npt.NDArray[np.float32], targets: npt.NDArray[Any], known: bool
) -> None:
    """Targets of another number than the answers say nothing of each answer."""
    assert has_targets(kind, logits, targets) is known


def test_fidelity_is_signal_to_noise_in_decibels() -> None:
    """A signal of 8 around its mean, and noise of 0.08, are 20 dB."""
    real = np.array([[0.0], [4.0]], np.float32)
    assert fidelity("logits", real, real + np.float32(0.2), None) == Fidelity("logits", 20.0, None, None)


@pytest.mark.parametrize(
    ("real", "int8", "decibels"),
    [
        ([[0.0], [4.0]], [[0.0], [4.0]], 99.0),
        ([[4.0], [4.0]], [[0.0], [0.0]], 99.0),
        ([[0.0], [1e-9]], [[9e9], [0.0]], -99),
    ],
)
def test_fidelity_is_bounded(real: list[list[float]], int8: list[list[float]], decibels: float) -> None:
    """An exact output has 99 dB, as has one that never changes; none has less than -99."""
    found = fidelity("logits", np.array(real, np.float32), np.array(int8, np.float32), None)
    assert found.signal_to_noise_db == decibels


def test_fidelity_of_values_has_their_errors() -> None:
    """Targets 1 and 5 for values of 0 and 4, and 0.5 and 4: mean errors of 1 and 0.75."""
    real, int8 = np.array([[0.0], [4.0]], np.float32), np.array([[0.5], [4.0]], np.float32)
    found = fidelity("length", real, int8, np.array([1.0, 5.0], np.float32))
    assert (found.float_mean_error, found.int8_mean_error) == (1.0, 0.75)
    assert found.signal_to_noise_db == pytest.approx(15.05, abs=0.01)
