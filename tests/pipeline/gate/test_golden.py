"""Tests of `pipeline.gate.golden`, on released models."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.contract.golden import record_type
from device.contract.manifest import read_manifest
from pipeline.data.calibration import GOLDEN_SHEET, read_sheet
from pipeline.folders import ModelFolder
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Verdict
from pipeline.gate.golden import golden, golden_content, golden_inputs, golden_ranges
from tests.conftest import MODELS
from tests.support.cases import small_case
from tests.support.drawings import golden_crops as drawn


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """The case of a copy of the released conv1d."""
    return replace(small_case(), folder=ModelFolder(Path(shutil.copytree(MODELS / "conv1d", tmp_path / "conv1d"))))


def changed(case: Case, field: str, value: int, *places: int) -> Check:
    """Returns the check after some values of the golden crops' records were changed."""
    records = np.frombuffer(case.folder.golden.read_bytes(), record_type(case.manifest)).copy()
    records[field][places] = value
    case.folder.golden.write_bytes(records.tobytes())
    return golden_ranges(case)


def test_the_golden_sheet_can_be_drawn_again() -> None:
    """The sheet's sixteen crops are those that this project draws; another OpenCV may round a grey differently."""
    sheet = read_sheet(GOLDEN_SHEET)
    assert sheet.shape == (16, 28, 28)
    assert np.abs(sheet.astype(int) - drawn()).max() <= 1


def test_ranges_hold_all_kernels_and_more(variant: str) -> None:
    """After the first step, no range is narrower than two margins; none is wider than 40 of the 256 values."""
    manifest = read_manifest(MODELS / variant)
    content = (MODELS / variant / "model.int8.tflite").read_bytes()
    made = golden_content(content, manifest, read_sheet(GOLDEN_SHEET))
    assert made == golden_content(content, manifest, read_sheet(GOLDEN_SHEET))
    records = np.frombuffer(made, record_type(manifest))
    width = records["highest"].astype(int) - records["lowest"]
    inside = (records["highest"] < 127) & (records["lowest"] > -128)
    assert width[inside].min() >= 2
    assert width.max() <= 40


def test_a_release_passes(variant: str) -> None:
    """Released golden crops are about those that the released file gives here."""
    folder = ModelFolder(MODELS / variant)
    check = golden_ranges(replace(small_case(), folder=folder, manifest=read_manifest(folder.path)))
    assert check.verdict is Verdict.PASSED, check


def test_another_answer_to_a_later_crop_is_refused(case: Case) -> None:
    """An answer to a crop that the runner does not read at its start is compared, too."""
    assert [check.verdict for check in golden(case)] == [Verdict.PASSED, Verdict.PASSED]
    changed(case, "lowest", 127, 9, 6, 0)
    changed(case, "highest", 127, 9, 6, 0)
    sha256 = hashlib.sha256(case.folder.golden.read_bytes()).hexdigest()
    replace(case.manifest, golden_sha256=sha256).write(case.folder.path)
    answers, ranges = golden(case)
    assert (answers.name, answers.verdict) == ("answers to golden inputs", Verdict.REFUSED)
    assert "golden crop 9, read whole, logit 0 is " in answers.reason
    assert (ranges.name, ranges.verdict) == ("golden inputs", Verdict.REFUSED)


def test_other_crops_are_refused(case: Case) -> None:
    """One changed pixel is refused: blank crops would find no fault."""
    check = changed(case, "crop", 7, 15, 0, 0)
    assert (check.name, check.verdict) == ("golden inputs", Verdict.REFUSED)
    assert check.reason == "they are not those that the data give"


def test_fewer_crops_are_refused(case: Case) -> None:
    """Golden crops cut off after the first are refused."""
    case.folder.golden.write_bytes(case.folder.golden.read_bytes()[: record_type(case.manifest).itemsize])
    assert golden_ranges(case).reason == "they are not those that the data give"


def test_ranges_that_allow_anything_are_refused(case: Case) -> None:
    """A range much wider than that of the kernels here is refused with how far it is off."""
    check = changed(case, "highest", 127, 3, 6, 0)
    assert check.verdict is Verdict.REFUSED
    assert check.value is not None
    assert check.value > 20
    assert "int8 steps from the logits here" in check.reason


def test_only_digits_have_the_sheets_crops(case: Case) -> None:
    """With other images eight of their own travel."""
    others = replace(case.splits, form=replace(case.splits.form, normalisation=""))
    np.testing.assert_array_equal(golden_inputs(case.splits), read_sheet(GOLDEN_SHEET))
    np.testing.assert_array_equal(golden_inputs(others), others.test.crops[:8])
