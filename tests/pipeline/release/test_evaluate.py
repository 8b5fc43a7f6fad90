"""Tests of `pipeline.release.evaluate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from device.contract.manifest import Accuracy, Fidelity
from pipeline.release.evaluate import Evaluation, read_evaluation, table, write_evaluation

ACCURACY = Accuracy(10_000, "MNIST test images", 0.9963, 0.9951, 0.12, 0.9978)
EVALUATION = Evaluation(
    variant="rows2d",
    accuracy=ACCURACY,
    fidelity=Fidelity("logits", 31.25, None, None),
    file_bytes=360_144,
    latency_us=104.8,
)


def test_written_evaluation_reads_back(tmp_path: Path) -> None:
    """An evaluation that was written to a file reads back the same."""
    write_evaluation(EVALUATION, tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path / "evaluation.json") == EVALUATION


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"variant": "rows2d"}', '{"accuracy": {}}', "\xff"])
def test_refuses_a_file_that_is_not_an_evaluation(tmp_path: Path, content: str) -> None:
    """The error names the file."""
    path = tmp_path / "evaluation.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"evaluation\.json"):
        read_evaluation(path)


def test_table_of_one() -> None:
    """A row has percentages with two decimals, decibels with one, and thousands separated, then the inputs' source."""
    headers, _, row = table([EVALUATION]).splitlines()
    assert headers.split("  ")[0] == "model"
    assert row.split() == [
        *("rows2d", "99.63", "99.51", "0.12", "99.78", "31.2", "360,144", "105", "10,000"),
        *("MNIST", "test", "images"),
    ]


def test_table_of_two() -> None:
    """Each evaluation has a row, in the order given, a drop under 0 keeps its sign, and 0 its decimals."""
    better = replace(EVALUATION, variant="conv1d", accuracy=replace(ACCURACY, accuracy_drop_pp=-0.5))
    level = replace(EVALUATION, variant="rows", accuracy=replace(ACCURACY, accuracy_drop_pp=0.0))
    rows = [row.split() for row in table([better, level]).splitlines()[2:]]
    assert [(row[0], row[3]) for row in rows] == [("conv1d", "-0.50"), ("rows", "0.00")]
