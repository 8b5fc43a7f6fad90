"""Tests of `pipeline.gate.corruption`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.data.mnist import embedded_splits
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.corruption import corruption
from tests.support.cases import LIMITS, lines, small_case


@pytest.fixture(scope="module")
def measured() -> list[Check | Note]:
    """What the released conv1d keeps of twenty digits in fifteen kinds."""
    return list(corruption(small_case()))


@pytest.mark.thorough
def test_what_is_left_of_float_and_int8_is_measured(measured: list[Check | Note]) -> None:
    assert [each.name for each in measured] == [
        "float accuracy, corrupted",
        "int8 accuracy, corrupted",
        "accuracy drop, corrupted",
    ]
    assert [each.verdict for each in measured if isinstance(each, Check)] == [Verdict.PASSED, Verdict.PASSED]


@pytest.mark.thorough
def test_a_model_that_lost_corrupted_digits_is_refused() -> None:
    limits = replace(LIMITS, corrupted_accuracy_percent_min=99.9, corrupted_drop_pp_max=-50)
    found = [each for each in corruption(small_case(limits)) if isinstance(each, Check)]
    assert [each.verdict for each in found] == [Verdict.REFUSED, Verdict.REFUSED]
    assert lines(found)[0][2].endswith("% is not ≥ 99.90 %")


def test_other_labels_than_digits_are_noted() -> None:
    named = replace(embedded_splits(), names=("apple", "pear", *"23456789"))
    assert list(corruption(small_case(splits=named))) == [
        Note("int8 accuracy, corrupted", "the corruptions are those of digits")
    ]
