"""Tests of the gate's early exit: on literal answers, and on what the runner reads of a small case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from device.arrays import UInt8
from device.runner import Runner
from pipeline.gate.case import Case, Readings
from pipeline.gate.early_exit import StepAnswers, early_exit
from tests.support.cases import LABELS, lines, small_case

# Three images, four steps of seven lines: settled right, settled wrong too early, never settled.
READING = StepAnswers(
    right=np.array([[False, True, True, True], [False, False, True, True], [False, False, False, True]]),
    probability=np.array([[0.2, 0.9, 0.95, 0.99], [0.1, 0.8, 0.9, 0.97], [0.1, 0.2, 0.3, 0.4]]),
    lines=28,
)


def test_exits_at_the_first_settled_step() -> None:
    """An image's exit is the first step whose answer reaches the probability, else the last step."""
    assert READING.exits(0.9).tolist() == [1, 2, 3]
    assert READING.exits(0.8).tolist() == [1, 1, 3]
    assert READING.exits(1.0).tolist() == [3, 3, 3]


def test_drop_is_what_early_answers_lose() -> None:
    """The drop is the share of images right at the end and wrong at their exit, in percentage points."""
    assert READING.drop_pp(0.9) == 0
    assert READING.drop_pp(0.8) == pytest.approx(33.3333, abs=1e-3)


def test_lines_are_counted_to_the_exit() -> None:
    """The mean counts the lines of every step up to and including the exit."""
    assert READING.mean_lines_read(0.9) == 21
    assert READING.mean_lines_read(1.0) == 28


def test_refuses_shapes_that_do_not_match() -> None:
    """There is an answer and a probability for each image and step."""
    with pytest.raises(ValueError, match=r"Expected both \[n, steps\]. Received: \(2, 4\) and \(2, 3\)"):
        StepAnswers(np.zeros((2, 4), np.bool_), np.zeros((2, 3)), 28)


def test_measured_has_the_accuracy_after_each_step() -> None:
    measured = READING.measured(0.8)
    assert measured.accuracy_after_step == pytest.approx((0, 1 / 3, 2 / 3, 1))
    assert measured.probability == 0.8
    assert measured.mean_lines_read == pytest.approx(56 / 3)
    assert measured.accuracy_drop_pp == pytest.approx(100 / 3)


def case_of(probability: float, negatives: UInt8 | None = None) -> Case:
    """Returns twenty digits, read until an answer has this probability."""
    manifest = small_case().manifest
    assert manifest.early_exit is not None
    early = replace(manifest.early_exit, probability=probability)
    return small_case(manifest=replace(manifest, early_exit=early), negatives=negatives)


def test_without_an_early_exit_there_is_nothing_to_check() -> None:
    case = small_case(manifest=replace(small_case().manifest, early_exit=None))
    assert lines(list(early_exit(case))) == [("early exit", "none")]


def test_an_early_exit_is_judged_by_what_the_runner_reads() -> None:
    """At the released probability nothing is lost of twenty digits; without negatives their acceptance is not."""
    released = small_case().manifest.early_exit
    assert released is not None
    assert lines(list(early_exit(case_of(released.probability)))) == [
        ("answers with early exit", "0 of 20 differ", "as after each step"),
        ("accuracy drop, early exit", "0.00 pp", "≤ 5.00 pp"),
    ]


def test_negatives_are_read_with_early_exit() -> None:
    """Two of twenty digits are not kept; blank crops are not accepted."""
    found = lines(list(early_exit(case_of(1.0, np.zeros((20, 28, 28), np.uint8)))))
    assert found[2:] == [
        ("digits kept, early exit", "refused", "90.00 % is not ≥ 95.00 %"),
        ("negatives accepted, early exit", "0.00 % of 20", "≤ 50.00 %"),
    ]


def test_a_drop_above_its_limit_is_refused() -> None:
    """Answers that are right only at the end lose everything at an exit before it."""
    indices = np.array([[(label + 1) % 10, label] for label in LABELS])
    readings = Readings(np.zeros((20, 2, 10), np.int8), indices, np.full((20, 2), 0.9))
    manifest = case_of(0.5).manifest
    found = lines(list(early_exit(small_case(manifest=manifest, readings=readings, negatives=None))))
    assert found[1] == ("accuracy drop, early exit", "refused", "100 pp is not ≤ 5.00 pp")


def test_a_runner_that_reads_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that does not stop where its answers are settled is refused."""
    read = Runner.read

    def to_the_end(runner: Runner, crop: UInt8, *, early_exit: bool = False) -> object:
        assert early_exit
        return read(runner, crop)

    monkeypatch.setattr(Runner, "read", to_the_end)
    name, verdict, reason = lines(list(early_exit(case_of(0.5))))[0]
    assert (name, verdict) == ("answers with early exit", "refused")
    assert reason == "the runner stops elsewhere, or answers otherwise, for 20 images"
