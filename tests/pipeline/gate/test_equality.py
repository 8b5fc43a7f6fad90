"""Tests of the gate's checks of equal logits, on a small case."""

from __future__ import annotations

import numpy as np

from pipeline.gate.case import Case
from pipeline.gate.equality import equality, independence, same_logits
from tests.support.cases import lines, predictions, small_case

FIRST = np.array([[1, 2], [3, 4], [5, 6]], np.int8)
ZERO = "0, bit for bit"


def test_equal_arrays_pass() -> None:
    """Logits, and answers, that are equal pass with the number of images."""
    assert lines([same_logits("same", FIRST, FIRST.copy())]) == [("same", "0 of 3 differ", ZERO)]
    assert lines([same_logits("same", FIRST[:, 0], FIRST[:, 0])]) == [("same", "0 of 3 differ", ZERO)]


def test_images_with_a_differing_logit_are_counted() -> None:
    """One differing logit makes an image differ; the first such image is named."""
    second = FIRST + np.array([[0, 0], [0, 1], [1, 1]], np.int8)
    reason = "2 images differ, the first is image 1"
    assert lines([same_logits("same", FIRST, second)]) == [("same", "refused", reason)]


def with_logits() -> Case:
    case = small_case()
    return small_case(
        whole_logits=case.whole_logits,
        line_logits=case.line_logits,
        predictions=predictions([int(answer) for answer in case.whole_logits.argmax(axis=1)]),
    )


def test_a_released_model_gives_equal_logits() -> None:
    """Whole, line by line, on two threads and in any order, the released model's logits are equal."""
    case = with_logits()
    assert lines(list(independence(case))) == [
        ("same logits in reverse order, whole", "0 of 20 differ", ZERO),
        ("same logits in reverse order, line by line", "0 of 20 differ", ZERO),
    ]
    assert lines(list(equality(case))) == [
        ("same logits, whole vs line by line", "0 of 20 differ", ZERO),
        ("same logits, one thread vs two", "0 of 20 differ", ZERO),
        ("answers follow from logits", "0 of 20 differ", ZERO),
    ]


def test_differing_measurements_are_refused() -> None:
    """Logits of the case that differ from those of a new run are refused, each by the check that compares them."""
    right = with_logits()
    whole, by_line = right.whole_logits.copy(), right.line_logits.copy()
    whole[19, 0] ^= 1
    by_line[0, 0] ^= 1
    case = small_case(whole_logits=whole, line_logits=by_line, predictions=predictions([0] * 20))
    assert [line[2] for line in lines(list(independence(case)))] == [
        "1 images differ, the first is image 19",
        "1 images differ, the first is image 0",
    ]
    assert [line[2] for line in lines(list(equality(case)))] == [
        "2 images differ, the first is image 0",
        "1 images differ, the first is image 19",
        "18 images differ, the first is image 1",
    ]
