"""Tests of `pipeline.report.card`: what the gate measured, on the model card."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from device.manifest import read_manifest
from pipeline.folders import ModelFolder
from pipeline.gate.judgement import Judgement
from pipeline.report.card import section, standalone, write_card
from pipeline.report.figures import recall
from pipeline.report.model_card import model_card
from tests.conftest import MODELS
from tests.support.measured import JUDGED, MEASURED


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """A released model without anything of the gate."""
    for name in ("manifest.json", "model.int8.tflite"):
        shutil.copy(MODELS / "rows2d" / name, tmp_path)
    return ModelFolder(tmp_path)


def judged(folder: ModelFolder) -> Judgement:
    return replace(JUDGED, file_sha256=read_manifest(folder.path).file.sha256)


def test_what_the_gate_measured_follows_the_card(folder: ModelFolder) -> None:
    assert write_card(folder, "rows2d", judged(folder))
    measured = (
        folder.card.read_text().removeprefix(model_card(read_manifest(folder.path))).replace("\N{MINUS SIGN}", "-")
    )
    assert measured.startswith("\n## What the gate measured\n\n`python -m pipeline gate models/rows2d` says")
    assert "| read right, float and int8 " in measured
    assert " 91.67 % and 83.33 % " in measured
    assert "-8.33 points, in 95 % of cases -27.50 to +13.25" in measured
    assert "| change of class two, the worst " in measured
    assert " 10.0 dB, tensor 2 " in measured
    assert measured.endswith("](reading.svg)\n")


def test_writing_it_twice_changes_nothing(folder: ModelFolder) -> None:
    write_card(folder, "rows2d", judged(folder))
    files = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    write_card(folder, "rows2d", judged(folder))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == files
    assert set(files) == {"README.md", "manifest.json", "model.int8.tflite", "reading.svg", "recall.svg"}


def test_a_file_that_was_not_judged_gets_no_figures_of_another(folder: ModelFolder) -> None:
    assert not write_card(folder, "rows2d", replace(JUDGED, file_sha256="0" * 64))
    assert not folder.card.exists()


def test_without_measurements_or_a_release_there_is_no_card(folder: ModelFolder, tmp_path: Path) -> None:
    assert not write_card(folder, "rows2d", replace(judged(folder), measurements=None))
    assert not write_card(ModelFolder(tmp_path / "nosuch"), "rows2d", judged(folder))
    with pytest.raises(ValueError, match="Expected a judgement with measurements"):
        section("rows2d", replace(JUDGED, measurements=None), ())


def test_a_picture_stands_by_itself_in_light_and_dark() -> None:
    root = ET.fromstring(standalone(recall(MEASURED.classes)))  # noqa: S314  # made here
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(root.get("width", "0")) > 300
    (style,) = root.findall("{http://www.w3.org/2000/svg}style")
    assert style.text is not None
    assert "prefers-color-scheme: dark" in style.text
    assert "var(--paper)" in style.text
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None
