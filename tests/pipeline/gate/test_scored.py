"""Tests of `pipeline.gate.scored`, on the answers to twenty digits."""

from __future__ import annotations

import numpy as np

from pipeline.gate.scored import scored
from tests.support.cases import LABELS, lines, logits, small_case, with_answers


def found(int8: tuple[int, ...]) -> list[tuple[str, ...]]:
    """What is said of int8's answers where float is always right."""
    case = small_case(float_outputs={"logits": logits(LABELS)}, whole_logits=logits(int8).astype(np.int8))
    return lines(list(scored(case)))


def test_one_wrong_answer_of_twenty() -> None:
    """With one answer lost, int8 is just within limits of 95 % and 5 points."""
    assert found(with_answers(1, 3))[:4] == [
        ("float accuracy", "100.00 %"),
        ("int8 accuracy", "95.00 %", "≥ 95.00 %"),
        ("accuracy drop", "5.00 pp", "≤ 5.00 pp"),
        ("agreement with float", "95.00 %", "≥ 95.00 %"),
    ]


def test_two_wrong_answers_of_twenty() -> None:
    """With two answers lost, each limit is broken."""
    assert found(with_answers(2, 3))[:4] == [
        ("float accuracy", "100.00 %"),
        ("int8 accuracy", "refused", "90.00 % is not ≥ 95.00 %"),
        ("accuracy drop", "refused", "10.00 pp is not ≤ 5.00 pp"),
        ("agreement with float", "refused", "90.00 % is not ≥ 95.00 %"),
    ]
