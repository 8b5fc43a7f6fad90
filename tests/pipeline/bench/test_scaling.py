"""Tests of `pipeline.bench.scaling`: what is measured of an LSTM's forms, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converters.workspace import MAX_UNROLLED_STEPS
from pipeline.bench.scaling import FULL, Extent, Grows, Measured, Size, scaling_report, scaling_table


@pytest.mark.exhaustive
def test_a_small_lstm_is_measured_in_four_forms(tmp_path: Path) -> None:
    """Each form has times, a size and a load; unrolled is larger than the step. Table, figures and picture stay."""
    table = scaling_report(Extent((Size(Grows.STEPS, 5, 4),), rounds=1), tmp_path / "scaling")
    (size,) = json.loads((tmp_path / "scaling" / "scaling.json").read_text())
    assert (size["grows"], size["size"], size["units"], size["failure"]) == ("steps", 5, 4, "")
    names = [form["form"] for form in size["forms"]]
    assert names == ["unrolled, int8", "step in a loop, int8", "fused operator, int8", "WHILE loop, float"]
    assert all(value > 0 for form in size["forms"] for value in form.values() if not isinstance(value, str))
    unrolled, step, *_ = size["forms"]
    assert unrolled["file_bytes"] > step["file_bytes"]
    assert all(name in table for name in names)
    assert sorted(path.name for path in (tmp_path / "scaling").iterdir()) == [
        "scaling.json",
        "scaling.md",
        "scaling.svg",
    ]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("size", "forms"), [(Size(Grows.HEIGHT, 56, 4), 4), (Size(Grows.CROPS, 2, 4), 3)], ids=["height", "crops"]
)
def test_images_and_crops_of_a_frame_are_measured(size: Size, forms: int, tmp_path: Path) -> None:
    """An image of 56 rows is measured in four forms; two crops one by one in two forms, and in one call."""
    scaling_report(Extent((size,), rounds=1), tmp_path / "scaling")
    (measured,) = json.loads((tmp_path / "scaling" / "scaling.json").read_text())
    assert measured["failure"] == ""
    assert len(measured["forms"]) == forms


@pytest.mark.thorough
def test_a_size_that_fails_is_a_line_with_its_reason(tmp_path: Path) -> None:
    """An LSTM without units cannot be made; the table says which and why."""
    table = scaling_report(Extent((Size(Grows.STEPS, 5, 0),), rounds=1), tmp_path / "scaling")
    assert table.splitlines()[-1].startswith("5 steps, 0 units: ended with status 1: ValueError: ")


def test_forms_are_compared_with_the_first() -> None:
    """A time of 30 µs against 20 of the unrolled file is 1.50."""
    forms = (Measured("unrolled", 20.0, 25.0, 64_000, 3.0, 11.0), Measured("looped", 30.0, 31.0, 9_000, 2.0, 1.5))
    *_, last = scaling_table([Size(Grows.STEPS, 28, 32, forms)]).splitlines()
    assert [cell.strip() for cell in last.split("|")[1:7]] == ["steps", "28", "32", "looped", "30", "1.50"]


def test_sizes_lie_on_both_sides_of_the_bound() -> None:
    """The converter unrolls up to 64 steps; what is measured shows fewer and more."""
    assert MAX_UNROLLED_STEPS == 64
    steps = [each.size for each in FULL.sizes if each.grows is Grows.STEPS]
    assert min(steps) < MAX_UNROLLED_STEPS < max(steps)
