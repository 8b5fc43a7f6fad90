"""Tests of `pipeline.data.own.labels`: what labels mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.data.own.labels import meaning
from pipeline.data.own.own_data import Task


@pytest.mark.parametrize(
    ("labels", "task", "targets", "names"),
    [
        (np.array([0, 2, 1], np.uint8), "classes", [0, 2, 1], ("0", "1", "2")),
        (np.array([[0], [2]]), "classes", [0, 2], ("0", "1", "2")),
        (np.array([True, False]), "classes", [1, 0], ("0", "1")),
        (np.array(["b", "a"]), "classes", [1, 0], ("a", "b")),
        (np.array([[0, 1], [1, 0]]), "classes", [1, 0], ("0", "1")),
        (np.array([[0.0, 0, 1], [1, 0, 0]]), "classes", [2, 0], ("0", "1", "2")),
        (np.array([[0, 1, 1], [0, 0, 0]]), "multilabel", [[0, 1, 1], [0, 0, 0]], ("0", "1", "2")),
        (np.array([0.5, 2]), "regression", [[0.5], [2.0]], ()),
        (np.array([[0.5, 2], [1, 1]]), "regression", [[0.5, 2], [1, 1]], ()),
        (np.array([[0, 2, 1, 1, 0], [0, 0, 0, 0, 0]]), "steps", [[0, 2, 1, 1, 0], [0] * 5], ("0", "1", "2")),
        (np.eye(2)[[[0, 1], [1, 1]]], "steps", [[0, 1], [1, 1]], ("0", "1")),
        (np.array([["a", "b"], ["b", "b"]]), "steps", [[0, 1], [1, 1]], ("a", "b")),
    ],
)
def test_the_task_is_seen_from_the_labels(labels: Any, task: Task, targets: Any, names: tuple[str, ...]) -> None:
    """Indices, texts, one-hot rows, zeros and ones, values, and labels of each step are told apart."""
    found = meaning(labels, (), None, steps=5)
    assert (found.task, found.targets.tolist(), found.names) == (task, targets, names)


def test_zeros_and_ones_as_long_as_the_sequence_need_a_task() -> None:
    """Integers 0 and 1 for five steps may be a class of each step or five labels: the task has to be named."""
    labels = np.array([[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]])
    with pytest.raises(ValueError, match="Expected the task, --task steps or multilabel"):
        meaning(labels, (), None, steps=5)
    assert meaning(labels, (), "steps", steps=5).targets.dtype == np.int64
    assert meaning(labels, (), "multilabel", steps=5).targets.dtype == np.float32


def test_whole_numbers_may_be_values() -> None:
    """Integers are values to predict if the task says so, and real numbers that are whole may be classes."""
    assert meaning(np.array([3, 5]), (), "regression", steps=5).targets.tolist() == [[3.0], [5.0]]
    assert meaning(np.array([1.0, 0.0]), ("a", "b"), "classes", steps=5).targets.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        (np.array([-1, 1]), None, "whole numbers from 0 to below 65,536. Received: -1 to 1"),
        (np.array([0, 120_000]), None, "Received: 0 to 120000. Values to predict are the task regression"),
        (np.array([0.5, 1]), "classes", "Received: 0.5 to 1"),
        (np.array([[1, 1], [0, 1]]), "classes", "Expected one-hot labels: a single 1 among zeros"),
        (np.array([0, 1]), "steps", "Expected class indices of 2 axes. Received: shape=(2,)"),
        (np.array([[0, 2]]), "multilabel", "Expected labels of 0 and 1, [n, names]"),
        (np.zeros((2, 2, 2)), "regression", "Expected values [n] or [n, values]. Received: shape=(2, 2, 2)"),
        (np.array([1j]), None, "Expected labels that are numbers or texts"),
        (np.zeros((1, 1, 1, 1)), None, "Expected labels of one to three axes"),
    ],
)
def test_labels_that_do_not_fit_a_task_are_refused(labels: Any, task: Task | None, message: str) -> None:
    """Negative, huge and broken indices, rows that are not one-hot, and wrong axes are refused with what came."""
    with pytest.raises(ValueError, match="Expected") as refused:
        meaning(labels, (), task, steps=5)
    assert message in str(refused.value)
