"""Tests of `pipeline.sweep.results` and of the picture."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.sweep.picture import draw_front
from pipeline.sweep.results import Measured, Results, Trial

FIGURES = (
    Measured(0.98, 0.97, 9_000, 500),
    Measured(0.96, 0.95, 5_000, 200),
    Measured(0.96, 0.95, 6_000, 200),  # beaten in bytes alone
    Measured(0.99, 0.97, 9_500, 600),  # as good as the first, and larger
    Measured(0.90, 0.90, 4_000, 300),  # bad, but the smallest file
)


def results(metric: str = "accuracy", *figures: Measured) -> Results:
    trials = [Trial(number, {"units": number + 2}, each) for number, each in enumerate(figures or FIGURES)]
    failed = Trial(len(trials), {"units": 0}, None, "Expected units above 0")
    return Results((*trials, failed), "error" if metric == "error" else "accuracy")


def numbers(trials: tuple[Trial, ...]) -> list[int]:
    return [trial.number for trial in trials]


def test_the_front_has_the_trials_that_no_other_beats_in_everything() -> None:
    """A trial is on the front unless another is as good in accuracy, work and bytes, and better in one."""
    assert numbers(results().front) == [0, 1, 4]


def test_equal_trials_are_both_on_the_front() -> None:
    """Of two trials with the same figures, neither beats the other."""
    assert numbers(results("accuracy", FIGURES[0], FIGURES[0]).front) == [0, 1]


def test_the_best_has_the_best_metric_then_the_least_work() -> None:
    """The most accurate is the best, of two with the same accuracy the one with less work; of errors, the least."""
    assert results().best.number == 0
    assert results("accuracy", FIGURES[3], FIGURES[0]).best.number == 1
    assert results("error").best.number == 4


def test_without_a_measured_trial_the_first_reason_is_given() -> None:
    """Where each trial was refused there is no best one, and the message says why."""
    refused = Results((Trial(0, {}, None, "no data"), Trial(1, {}, None, "other")), "accuracy")
    with pytest.raises(ValueError, match=r"Expected at least one trial that trains and converts\. Received: no data"):
        _ = refused.best


def test_the_table_has_parameters_figures_and_reasons() -> None:
    """Each trial is a line: parameters, percentages, bytes, work; best, on the front, or why there are no figures."""
    lines = [re.split(r"  +", line.strip()) for line in results().table.splitlines()]
    assert lines[0] == ["trial", "units", "float %", "int8 %", "bytes", "multiply-accumulates"]
    assert lines[2] == ["0", "2", "98.00", "97.00", "9,000", "500", "best"]
    assert lines[3] == ["1", "3", "96.00", "95.00", "5,000", "200", "front"]
    assert lines[4] == ["2", "4", "96.00", "95.00", "6,000", "200"]
    assert lines[7] == ["5", "0", "Expected units above 0"]


def test_the_file_has_every_trial_the_best_and_the_front() -> None:
    """results.json has the figures as numbers and null for a trial without."""
    found = json.loads(results().json)
    assert (found["metric"], found["best"], found["front"]) == ("accuracy", 0, [0, 1, 4])
    assert found["trials"][1]["measured"]["file_bytes"] == 5_000
    assert found["trials"][5] == {
        "number": 5,
        "parameters": {"units": 0},
        "measured": None,
        "reason": "Expected units above 0",
    }


def test_the_picture_is_the_same_for_the_same_results(tmp_path: Path) -> None:
    """The picture is an SVG with a disc for each measured trial, equal byte for byte when drawn again."""
    draw_front(results(), tmp_path / "front.svg")
    draw_front(results(), tmp_path / "again.svg")
    content = (tmp_path / "front.svg").read_bytes()
    assert content == (tmp_path / "again.svg").read_bytes()
    assert len(re.findall(rb'id="PathCollection_\d+"', content)) == 5
