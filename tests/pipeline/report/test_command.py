"""Tests of the command `python -m pipeline report`, in child processes: pages, messages and exit statuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from device.contract.manifest import read_manifest
from pipeline.folders import ReportFolder
from pipeline.gate.gate_json import as_json
from pipeline.gate.judgement import Judgement
from pipeline.gate.reports import write_reports
from tests.conftest import MODELS
from tests.support.commands import pipeline, refused
from tests.support.measured import JUDGED

NAME_EXPECTED = "Expected a variant or the name of a folder in build/, other than index"


def judged(folder: Path, variant: str, judgement: Judgement = JUDGED) -> Path:
    reports = ReportFolder(folder / "build" / variant / "gate")
    write_reports(replace(judgement, model=f"rowstream-{variant}"), reports)
    return reports.json


def test_writes_a_page_for_each_judged_model_and_an_index(tmp_path: Path) -> None:
    """Named models that were judged have pages, the index lists the others, and TensorFlow is not imported."""
    for variant in ("rows2d", "conv1d", "mine"):
        judged(tmp_path, variant)
    child = pipeline(tmp_path, "report", "rows2d", "cols2d", "mine", PYTHONPROFILEIMPORTTIME="1")
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == [f"build/report/{name}.html" for name in ("index", "rows2d", "mine")]
    folder = tmp_path / "build" / "report"
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "mine.html", "rows2d.html"]
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert "<strong>cols2d</strong>: not judged yet" in index
    assert '<th scope="row">conv1d</th>' in index
    assert '<a href="mine.html">mine</a>' in index
    imported = {line.rpartition("|")[2].strip() for line in child.stderr.splitlines()}
    assert "jinja2" in imported
    assert not imported & {"tensorflow", "keras", "ai_edge_litert"}


@pytest.mark.thorough
def test_a_broken_file_of_another_model_is_listed(tmp_path: Path) -> None:
    """A model that was not named may have a broken file: the index lists the error."""
    judged(tmp_path, "rows2d")
    judged(tmp_path, "conv1d").write_text("{")
    child = pipeline(tmp_path, "report", "rows2d")
    assert child.returncode == 0, child.stderr
    index = (tmp_path / "build" / "report" / "index.html").read_text(encoding="utf-8")
    assert "<strong>conv1d</strong>: build/conv1d/gate/gate.json: Expected JSON. Expecting property name" in index


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(as_json(JUDGED)[:-100], "error: build/conv1d/gate/gate.json: Expected JSON. ", id="truncated"),
        pytest.param(
            json.dumps({**json.loads(as_json(JUDGED)), "format_version": 1}),
            "error: build/conv1d/gate/gate.json: Expected gate.json of format 4. Received: 1. Run the gate again",
            id="old",
        ),
        pytest.param(
            as_json(replace(JUDGED, model="rowstream-rows")),
            "error: build/conv1d/gate/gate.json: Expected the judgement of rowstream-conv1d. Received: rowstream-rows",
            id="another model's",
        ),
    ],
)
def test_a_broken_file_is_refused(content: str, message: str, tmp_path: Path) -> None:
    judged(tmp_path, "conv1d").write_text(content)
    assert refused(pipeline(tmp_path, "report", "conv1d")).startswith(message)
    assert not (tmp_path / "build" / "report").exists()


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows2d", "error: Expected build/rows2d/gate/gate.json. Found none: run `make gate` first"),
        (
            "mine",
            "error: Expected build/mine/gate/gate.json. Found none: run `python -m pipeline gate build/mine` first",
        ),
        ("nosuch", f"error: {NAME_EXPECTED}. Received: 'nosuch'"),
        ("../x", f"error: {NAME_EXPECTED}. Received: '../x'"),
        ("index", f"error: {NAME_EXPECTED}. Received: 'index'"),
    ],
)
def test_nothing_to_report_on_is_refused(name: str, message: str, tmp_path: Path) -> None:
    """What was not judged, and what is no model, is named; the advice is a command that can work."""
    (tmp_path / "build" / "mine").mkdir(parents=True)
    assert refused(pipeline(tmp_path, "report", name)) == message


@pytest.mark.thorough
def test_the_report_writes_into_build_alone(tmp_path: Path) -> None:
    """The gate's results are added to the candidate's card; the released model's folder stays as it is."""
    candidate, release = tmp_path / "build" / "rows2d", tmp_path / "models" / "rows2d"
    shutil.copytree(MODELS / "rows2d", release)
    candidate.mkdir(parents=True)
    shutil.copy(MODELS / "rows2d" / "manifest.json", candidate)
    before = {path.name: path.read_bytes() for path in release.iterdir()}
    judged(tmp_path, "rows2d", replace(JUDGED, file_sha256=read_manifest(candidate).file.sha256))
    assert pipeline(tmp_path, "report", "rows2d").returncode == 0
    assert "## Gate results" in (candidate / "README.md").read_text()
    assert (candidate / "recall.svg").is_file()
    assert {path.name: path.read_bytes() for path in release.iterdir()} == before
