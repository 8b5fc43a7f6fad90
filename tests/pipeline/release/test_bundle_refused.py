"""Tests of `python -m pipeline bundle`: what the gate refuses, or cannot judge, is not bundled."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from device.contract.manifest import read_manifest
from pipeline.__main__ import main
from pipeline.folders import BuildFolder, ModelFolder, ReportFolder
from pipeline.gate.check import Verdict
from tests.conftest import MODELS
from tests.support.commands import pipeline
from tests.support.verdicts import write_verdict

ROWS, GATED = ModelFolder(Path("models/rows")), BuildFolder(Path("build/rows"))
RECIPE = '[network]\nsource = "net.keras"\n[data]\nsource = "x.npz"\n[limits]\nfile_bytes_max = 200_000\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a released model without its float weights, which the gate cannot judge again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shutil.copytree(MODELS / "rows", ROWS.path, ignore=shutil.ignore_patterns("float.weights.h5"))
    shutil.copy(MODELS / "limits.toml", "models")
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], name: str = "rows") -> str:
    """Returns why a model was not bundled: exit status 1, and nothing on stdout, in dist or among the user's keys."""
    assert main(["bundle", name]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert not Path("dist").exists()
    assert not Path("data").exists()
    return printed.err.splitlines()[-1]


def no_verdict() -> None:
    """The gate has judged nothing."""


def refused() -> None:
    write_verdict(ROWS, GATED, Verdict.REFUSED)


def not_judged() -> None:
    write_verdict(ROWS, GATED, Verdict.NOT_JUDGED)


def another_manifest() -> None:
    write_verdict(ROWS, GATED)
    dataclasses.replace(read_manifest(ROWS.path), version="0.2.0").write(ROWS.path)


def other_limits() -> None:
    write_verdict(ROWS, GATED)
    limits = Path("models/limits.toml")
    limits.write_text(limits.read_text().replace("images_min = ", "images_min = 1"))


def of_a_recipe() -> None:
    write_verdict(ROWS, GATED)
    ROWS.recipe.write_text(RECIPE)


def damaged_verdict() -> None:
    write_verdict(ROWS, GATED)
    path = ReportFolder(GATED.gate).json
    path.write_text(path.read_text()[:-9])


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "verdict", [no_verdict, refused, not_judged, another_manifest, other_limits, of_a_recipe, damaged_verdict]
)
def test_only_a_pass_of_these_bytes_by_these_limits_is_taken(
    verdict: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """For any other verdict the gate judges first, and a model that it cannot judge is not bundled."""
    verdict()
    expected = "models/rows/float.weights.h5: Expected a file or folder. Found none"
    assert refusal(capsys) == f"refused: models/rows: the gate cannot judge it: {expected}"


@pytest.mark.usefixtures("project")
def test_a_pass_is_not_judged_again(capsys: pytest.CaptureFixture[str]) -> None:
    """What the gate passed is packed at once, by its recorded verdict."""
    write_verdict(ROWS, GATED)
    assert main(["bundle", "rows"]) == 0
    printed = capsys.readouterr()
    repository = "dist/repository/rows: rowstream-rows 0.1.0, version 1 of this repository"
    assert printed.out.splitlines() == ["dist/rowstream-rows-0.1.0", repository]
    assert "the gate judges it first" not in printed.err


@pytest.mark.usefixtures("project")
def test_an_own_model_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An own model that the gate refuses is not bundled; the line has the first check and its reason."""
    shutil.copytree(MODELS / "rows", "models/mine")
    reason = "the folder mine is judged as rowstream-mine, the manifest says rowstream-rows"
    expected = f"refused: models/mine: the gate's verdict is: refused: name in manifest: {reason}"
    assert refusal(capsys, "mine") == f"{expected}, and 1 more in build/mine/gate/summary.md"
    assert ReportFolder(Path("build/mine/gate")).json.is_file()


@pytest.mark.usefixtures("project")
def test_a_pass_under_another_name_is_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """A model that passed as `rows` and lies in another folder is refused for its name."""
    shutil.copytree(MODELS / "rows", "models/mine")
    write_verdict(ROWS, BuildFolder(Path("build/mine")))
    assert "name in manifest" in refusal(capsys, "mine")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("option", ["--keys", "--data"])
def test_a_folder_that_is_not_there_is_misuse(capsys: pytest.CaptureFixture[str], option: str) -> None:
    """Keys and data that are not there are exit status 2, before anything is judged or packed."""
    write_verdict(ROWS, GATED)
    assert main(["bundle", "rows", option, "nowhere"]) == 2
    assert capsys.readouterr().err == "error: nowhere: Expected a file or folder. Found none\n"
    assert not Path("dist").exists()


@pytest.mark.slow
def test_a_model_whose_file_changed_is_refused_by_a_run_of_the_gate(project: Path) -> None:
    """Without a verdict the whole gate runs, and refuses a flipped byte."""
    shutil.copy(MODELS / "rows" / "float.weights.h5", project / "models" / "rows")
    path = project / "models" / "rows" / "model.int8.tflite"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    child = pipeline(project, "bundle", "rows", XDG_CACHE_HOME=str(project / "cache"))
    assert (child.returncode, child.stdout) == (1, "")
    reason = "file SHA-256: model.int8.tflite is not the file that the manifest describes"
    assert child.stderr.splitlines()[-1].startswith(f"refused: models/rows: the gate's verdict is: refused: {reason}")
    assert not (project / "dist").exists()


@pytest.mark.exhaustive
def test_a_released_model_is_judged_and_then_bundled(project: Path, mnist_folder: Path) -> None:
    """Without a verdict the whole gate runs on the data at hand; what passes is packed, and not judged again."""
    shutil.copy(MODELS / "rows" / "float.weights.h5", project / "models" / "rows")
    child = pipeline(project, "bundle", "rows", "--data", str(mnist_folder))
    assert child.returncode == 0, child.stderr
    assert "the gate judges it first" in child.stderr
    (project / "models" / "rows" / "float.weights.h5").unlink()
    assert pipeline(project, "bundle", "rows").returncode == 0
