"""Tests of `pipeline.data.own.own_splits` and of `pipeline.data.own.duplicates`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.own.own_data import PARTS, OwnData
from pipeline.data.own.own_splits import OwnSplits, Shares, runs_of, split
from pipeline.data.own.read import read_data
from tests.conftest import Digits
from tests.support.own_data import own_waves, write_class_folders

SHARES = Shares(validation=0.2, test=0.2)


@pytest.fixture
def own_digits(tmp_path: Path, digits: Digits) -> OwnData:
    """Three hundred digits from class folders."""
    write_class_folders(tmp_path, *digits)
    return read_data(str(tmp_path), (28, 28, 1))


def items(splits: OwnSplits) -> dict[str, tuple[str, ...]]:
    return {part: getattr(splits, part).items for part in (*PARTS, "calibration")}


def test_parts_are_apart_and_stratified(own_digits: OwnData) -> None:
    """Every digit is in one part, and each part has each class in its share."""
    splits = split(own_digits, seed=1, shares=SHARES)
    parts = [splits.training, splits.validation, splits.test]
    assert sorted(item for part in parts for item in part.items) == sorted(own_digits.items)
    assert [len(part) for part in parts] == [192, 48, 60]
    for part, share in zip(parts, (0.64, 0.16, 0.2), strict=True):
        counts, expected = np.bincount(part.targets), share * np.bincount(own_digits.targets)
        assert np.abs(counts - expected).max() <= 1.5


def test_the_seed_alone_decides(own_digits: OwnData) -> None:
    """The same seed gives the same parts, and another seed gives others."""
    assert items(split(own_digits, 1)) == items(split(own_digits, 1))
    assert items(split(own_digits, 1)) != items(split(own_digits, 2))


def test_calibration_is_from_training_with_each_class(own_digits: OwnData) -> None:
    """Calibration inputs are training inputs at the recorded indices, the same number of each class."""
    splits = split(own_digits, 1, Shares(max_calibration=50))
    assert np.bincount(splits.calibration.targets).tolist() == [5] * 10
    assert splits.calibration.items == tuple(splits.training.items[index] for index in splits.calibration_indices)
    assert np.array_equal(splits.calibration.inputs, splits.training.inputs[splits.calibration_indices])


def test_a_rare_class_calibrates_too() -> None:
    """Of one input of a class among thousands, calibration has it if it is in training."""
    data = own_waves(400)
    data = replace(data, targets=np.where(np.arange(400) == 7, 1, 0))
    data = replace(data, parts=np.array(["training"] * 300 + ["validation"] * 50 + ["test"] * 50))
    splits = split(data, 1, Shares(max_calibration=10))
    assert splits.calibration.targets.sum() == 1


def test_parts_of_the_source_are_kept(mnist_folder: Path) -> None:
    """MNIST's test images stay its test images, and validation is drawn from its training images."""
    data = read_data(str(mnist_folder), (28, 28, 1))
    splits = split(data, 1)
    assert [len(part) for part in (splits.training, splits.validation, splits.test)] == [51_428, 8_572, 10_000]
    assert all(item.startswith("t10k") for item in splits.test.items)
    assert len(splits.calibration) == 512
    assert splits.notes == ()


@pytest.mark.parametrize("count", [4, 40])
def test_a_group_is_in_one_part(count: int) -> None:
    """The inputs of a person are all in one part, however few persons there are."""
    groups = np.array([f"person {index % count}" for index in range(400)])
    splits = split(own_waves(400, groups), 1)
    held = [
        set(part.groups.tolist())
        for part in (splits.training, splits.validation, splits.test)
        if part.groups is not None
    ]
    assert len(held) == 3
    assert sum(map(len, held)) == len(set.union(*held)) == count


def test_a_group_in_two_parts_of_the_source_is_refused() -> None:
    """If the source itself puts a person into training and test, the person is named."""
    data = replace(
        own_waves(4, np.array(["anna", "ben", "anna", "carl"])),
        parts=np.array(["training", "training", "test", "validation"]),
    )
    with pytest.raises(ValueError, match=r"Expected each group in one part\. Received in several: anna$"):
        split(data, 1)


@pytest.mark.parametrize(
    ("groups", "message"), [(None, "2 inputs"), (["a"] * 30, "2 groups"), (["a", "b"] * 15, "2 groups")]
)
def test_too_little_to_divide_is_refused(groups: list[str] | None, message: str) -> None:
    """A single input, or groups for fewer than three parts, cannot be divided."""
    data = own_waves(1) if groups is None else own_waves(30, np.array(groups))
    with pytest.raises(ValueError, match=f"Expected at least {message} to divide. Received: 1"):
        split(data, 1)


def test_targets_without_classes_are_divided_too() -> None:
    """Values, labels that do not exclude each other and labels of each step are divided as well."""
    data = own_waves(100)
    both = np.stack([data.targets, 1 - data.targets], axis=1)
    others: list[dict[str, Any]] = [
        {"task": "regression", "targets": np.linspace(0, 1, 100, dtype=np.float32)[:, None], "names": ()},
        {"task": "multilabel", "targets": both.astype(np.float32)},
        {"task": "steps", "targets": np.repeat(data.targets[:, None], 20, axis=1)},
    ]
    for other in others:
        splits = split(replace(data, **other), 1, SHARES)
        assert (len(splits.training), len(splits.validation), len(splits.test)) == (64, 16, 20)


def test_the_same_input_with_two_labels_names_both(own_digits: OwnData) -> None:
    """A copy of a digit under another label is an error that names both files and both labels."""
    inputs = own_digits.inputs.copy()
    first, second = own_digits.items.index("0/0000.png"), own_digits.items.index("9/0299.png")
    inputs[second] = inputs[first]
    message = r"Expected one label for the same input\. Received: 0/0000\.png is 0, 9/0299\.png is 9$"
    with pytest.raises(ValueError, match=message):
        split(replace(own_digits, inputs=inputs), 1, drop_duplicates=True)


def test_the_same_input_may_have_two_measured_values() -> None:
    """Values that were measured of the same input may differ."""
    data = own_waves(100)
    values = np.linspace(0, 1, 100, dtype=np.float32)[:, None]
    data = replace(data, task="regression", targets=values, names=(), inputs=np.repeat(data.inputs[:50], 2, axis=0))
    assert len(split(data, 1, drop_duplicates=True).test) > 0


def with_copies() -> OwnData:
    """Waves 0 to 9 in training, of which 0 is in validation, 1 and 2 are in test, and 3 is twice in training."""
    data = own_waves(20)
    inputs, targets = data.inputs.copy(), data.targets.copy()
    for copy, original in ((10, 0), (15, 1), (16, 2), (9, 3)):
        inputs[copy], targets[copy] = inputs[original], targets[original]
    parts = np.array(["training"] * 10 + ["validation"] * 5 + ["test"] * 5)
    return replace(data, inputs=inputs, targets=targets, parts=parts)


def test_duplicates_across_parts_are_named() -> None:
    """The same input in two parts is an error that counts and names the earlier part's."""
    message = r"Received 3 that are also in a later part: x\[0\] \(training\), x\[1\] \(training\), x\[2\] \(train"
    with pytest.raises(ValueError, match=message):
        split(with_copies(), 1)


def test_dropped_duplicates_stay_in_the_later_part() -> None:
    """Dropping duplicates leaves test as it is, and the notes say what was left out and what occurs again."""
    splits = split(with_copies(), 1, drop_duplicates=True)
    assert splits.test.items == tuple(f"x[{index}]" for index in range(15, 20))
    assert splits.validation.items == tuple(f"x[{index}]" for index in range(10, 15))
    assert splits.training.items == tuple(f"x[{index}]" for index in range(3, 10))
    assert splits.notes == (
        "inputs left out that are also in a later part: 3: x[0] (training), x[1] (training), x[2] (training)",
        "inputs that occur again in the same part: 1",
    )


def test_a_part_left_empty_is_refused() -> None:
    """If all training inputs are copies of test inputs, nothing is left to train or calibrate with."""
    data = own_waves(3)
    data = replace(data, inputs=data.inputs[[0, 1, 0]], targets=data.targets[[0, 1, 0]])
    data = replace(data, parts=np.array(["training", "validation", "test"]))
    with pytest.raises(ValueError, match=r"Expected inputs in each part\. Received: \{'training': 0"):
        split(data, 1, drop_duplicates=True)


@pytest.mark.parametrize("shares", [{"test": 0}, {"validation": 0.6}, {"max_calibration": 0}])
def test_shares_that_leave_nothing_are_refused(shares: dict[str, Any]) -> None:
    """A part without a share, more than half for one, and no calibration input are refused."""
    with pytest.raises(ValueError, match=r"Expected shares above 0, up to 0\.5, and a calibration input"):
        Shares(**shares)


def test_recordings_stay_whole_and_in_order() -> None:
    """In order, each part has one recording after the other, whose windows follow one another; whole ones calibrate."""
    groups = np.array([f"day {index % 10}" for index in range(100)])
    splits = split(own_waves(100, groups), 1, Shares(max_calibration=15), in_order=True)
    for part in (splits.training, splits.validation, splits.test):
        days = [groups[int(item[2:-1])] for item in part.items]
        numbers = [int(item[2:-1]) for item in part.items]
        assert runs_of(part) == (10,) * (len(part) // 10)
        for begin in range(0, len(part), 10):
            assert len(set(days[begin : begin + 10])) == 1
            assert numbers[begin : begin + 10] == sorted(numbers[begin : begin + 10])
    assert sorted(runs_of(splits.calibration)) == [5, 10]


def test_without_groups_all_inputs_are_one_recording() -> None:
    """Its end is for test, what is before that for validation, and eight stretches of the rest calibrate."""
    splits = split(own_waves(100), 1, Shares(max_calibration=32), in_order=True)
    training, validation, test = (part.items for part in (splits.training, splits.validation, splits.test))
    assert (len(training), validation[0], validation[-1], test[0], test[-1]) == (72, "x[72]", "x[84]", "x[85]", "x[99]")
    assert (runs_of(splits.training), runs_of(splits.calibration)) == ((72,), (4,) * 8)
    assert splits.calibration.items[:5] == ("x[0]", "x[1]", "x[2]", "x[3]", "x[9]")
