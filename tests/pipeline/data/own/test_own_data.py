"""Tests of `pipeline.data.own.own_data`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.own_data import own_waves


def test_a_part_of_the_data_keeps_its_items_groups_and_parts() -> None:
    """Indexing selects the inputs and everything that belongs to them."""
    data = own_waves(3, np.array(["a", "b", "c"]))
    data = replace(data, parts=np.array(["training", "test", "validation"]))[np.array([2, 0])]
    assert (data.items, data.targets.tolist(), len(data)) == (("x[2]", "x[0]"), [0, 0], 2)
    assert data.groups is not None
    assert data.parts is not None
    assert (data.groups.tolist(), data.parts.tolist()) == (["c", "a"], ["validation", "training"])


def test_a_label_is_a_text_for_each_task() -> None:
    """Messages name a class, the class of each step, all labels, or the values."""
    data = own_waves(2)
    assert data.label(1) == "fast"
    assert replace(data, task="steps", targets=np.array([[0, 1], [1, 1]])).label(0) == "slow fast"
    flags = replace(data, task="multilabel", targets=np.array([[1, 1], [0, 0]], np.float32))
    assert (flags.label(0), flags.label(1)) == ("slow fast", "no label")
    assert replace(data, task="regression", targets=np.array([[0.5, 2], [1, 1]], np.float32)).label(0) == "0.5 2"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "guess"}, "Expected a task of classes, steps, multilabel, regression. Received: guess"),
        ({"inputs": np.zeros((2, 3, 3))}, "Received: shape=(2, 3, 3), dtype=float64"),
        ({"targets": np.array([0.5, 1], np.float32)}, "Expected targets <int64> of 1 axes for classes"),
        ({"items": ("x",)}, "Received: inputs 2, targets 2, items 1"),
        ({"groups": np.array(["a"])}, "items 2, groups 1"),
        ({"names": ("slow", "slow")}, "Expected names, all of them different"),
        ({"names": ("slow",)}, "Expected labels from 0 to 0, one for each name. Received: 0 to 1"),
        ({"parts": np.array(["training", "train"])}, "Received: ['train']"),
        ({"task": "regression", "targets": np.array([[0], [np.nan]], np.float32)}, "NaN or infinity in x[1]"),
        ({"task": "multilabel", "targets": np.zeros((2, 3), np.float32)}, "Expected a name for each of 3 labels"),
    ],
)
def test_data_that_contradict_themselves_are_refused(changed: dict[str, Any], message: str) -> None:
    """Wrong types, lengths that differ, labels without a name and NaN are refused where the data are made."""
    with pytest.raises(ValueError, match="Expected") as refused:
        replace(own_waves(2), **changed)
    assert message in str(refused.value)
