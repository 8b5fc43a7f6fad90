"""Tests of the gate's results on the model card."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from device.contract.manifest import read_manifest
from pipeline.folders import ModelFolder
from pipeline.gate.judgement import Judgement
from pipeline.report.card import model_card, write_card
from tests.conftest import MODELS
from tests.support.measured import JUDGED, MEASURED, NOT_STREAMED


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """A model folder without results of the gate."""
    for name in ("golden.bin", "manifest.json", "model.int8.tflite"):
        shutil.copy(MODELS / "rows2d" / name, tmp_path)
    return ModelFolder(tmp_path)


def judged(folder: ModelFolder) -> Judgement:
    return replace(JUDGED, file_sha256=read_manifest(folder.path).file.sha256)


def test_the_results_follow_the_card(folder: ModelFolder) -> None:
    """The section has accuracy, recall, calibration and signal, with minus signs, and the charts."""
    assert write_card(folder, "rows2d", judged(folder))
    measured = (
        folder.card.read_text().removeprefix(model_card(read_manifest(folder.path))).replace("\N{MINUS SIGN}", "-")
    )
    assert measured.startswith("\n## Gate results\n\nVerdict: refused. 3 checks, on ai-edge-litert 2.3.0.\n`make gate")
    assert "| accuracy, float and int8 " in measured
    assert " 91.67 % and 83.33 % " in measured
    assert "-8.33 percentage points, 95 % CI -27.50 to +13.25" in measured
    assert "| change of recall of class two, the worst " in measured
    assert " 10.0 dB, tensor 2 " in measured
    assert " ms" not in measured
    assert measured.endswith("](reading.svg)\n")


def test_writing_it_twice_changes_nothing(folder: ModelFolder) -> None:
    """The card depends on neither the machine nor the time."""
    write_card(folder, "rows2d", judged(folder))
    files = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    later = replace(MEASURED, latency=replace(MEASURED.latency, median_ms=9.0))
    write_card(folder, "rows2d", replace(judged(folder), judged_at="2027-01-01 00:00", measurements=later))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == files
    assert set(files) == {"README.md", "golden.bin", "manifest.json", "model.int8.tflite", "reading.svg", "recall.svg"}


def test_another_file_than_the_judged_one_gets_no_card(folder: ModelFolder) -> None:
    """Results of another file are not written beside this one."""
    assert not write_card(folder, "rows2d", replace(JUDGED, file_sha256="0" * 64))
    assert not folder.card.exists()


def test_without_a_manifest_there_is_no_card(folder: ModelFolder, tmp_path: Path) -> None:
    """The card is made from it."""
    assert not write_card(ModelFolder(tmp_path / "nosuch"), "rows2d", judged(folder))


def test_without_measurements_the_card_has_the_verdict(folder: ModelFolder) -> None:
    """The gate measures figures of classes alone; a model of another kind has its verdict and no chart."""
    assert write_card(folder, "mine", replace(judged(folder), measurements=None))
    results = folder.card.read_text().partition("## Gate results\n\n")[2]
    assert results == (
        "Verdict: refused. 3 checks, on ai-edge-litert 2.3.0.\n"
        "`make gate report NAME=mine` repeats them, and writes a page with all figures.\n"
    )
    write_card(folder, "mine", replace(judged(folder), measurements=None, runtimes=()))
    assert "Verdict: refused. 3 checks.\n" in folder.card.read_text()


def test_a_model_that_does_not_stream_has_one_chart(folder: ModelFolder) -> None:
    """Without time steps the card has no chart of them."""
    write_card(folder, "rows2d", replace(judged(folder), measurements=replace(MEASURED, **NOT_STREAMED)))
    assert [path.name for path in folder.pictures if path.exists()] == ["recall.svg"]
    assert "reading.svg" not in folder.card.read_text()


def test_a_chart_is_a_file_in_light_and_dark(folder: ModelFolder) -> None:
    """A chart beside the card has a size, its colours for both schemes, and a description."""
    write_card(folder, "rows2d", judged(folder))
    root = ET.parse(folder.picture("recall")).getroot()  # noqa: S314  # made here
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(root.get("width", "0")) > 300
    (style,) = root.findall("{http://www.w3.org/2000/svg}style")
    assert style.text is not None
    assert "prefers-color-scheme: dark" in style.text
    assert "var(--paper)" in style.text
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None
