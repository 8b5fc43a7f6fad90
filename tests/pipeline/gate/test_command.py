"""Tests of the command `python -m pipeline gate`, in child processes: exit statuses and reports."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import keras
import numpy as np
import pytest

from device.runner import Runner
from pipeline.data.mnist import load
from pipeline.folders import ModelFolder
from pipeline.release.candidate import make_candidate
from pipeline.release.source import Source
from pipeline.training.networks import load_network
from tests.conftest import MODELS
from tests.support.commands import pipeline, refused
from tests.support.sabotage import Good, limits_for_few_images

pytestmark = pytest.mark.slow

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture
def own_data(good: Good, tmp_path: Path) -> Path:
    """A folder with own data: the digits that the good model was made with, under other names."""
    splits = good.splits
    folder = tmp_path / "data"
    folder.mkdir()
    np.savez(
        folder / "crops.npz",
        test_crops=splits.test.crops,
        test_labels=splits.test.labels,
        validation_crops=splits.validation.crops,
        validation_labels=splits.validation.labels,
        calibration_crops=splits.calibration.crops,
        names=np.array(NAMES),
    )
    return folder


def home(folder: Path) -> dict[str, str]:
    """An environment in which MNIST is not cached."""
    return {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}


def test_refused_exits_1(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """A changed file is refused with the reason, and the reports are in the folder of `--out`."""
    path = good_copy / "model.int8.tflite"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    out = tmp_path / "out"
    arguments = ("--limits", str(good.limits), "--out", str(out))
    child = pipeline(tmp_path, "gate", str(good_copy), *arguments, **home(tmp_path))
    assert child.returncode == 1
    reason = "file SHA-256: model.int8.tflite is not the file that the manifest describes"
    assert f"- refused: {reason}" in child.stdout
    assert child.stdout.splitlines()[-1].startswith("rowstream-conv1d 0.1.0: refused")
    assert json.loads((out / "gate.json").read_text())["verdict"] == "refused"
    assert (out / "summary.md").read_text().startswith("## ❌")


@pytest.mark.thorough
def test_other_data_exit_2(good: Good, own_data: Path, tmp_path: Path) -> None:
    """On other data than the model's, its calibration cannot be judged, so it does not pass."""
    arguments = ("--limits", str(good.limits), "--data", str(own_data))
    child = pipeline(tmp_path, "gate", str(good.folder), *arguments)
    assert child.returncode in (1, 2)
    assert ": passed (" not in child.stdout
    assert (
        "not judged: calibration images not in the data: the file was calibrated on 5,000 MNIST training images"
        in child.stdout
    )


@pytest.mark.thorough
def test_own_network_and_own_data(own_data: Path, tmp_path: Path) -> None:
    """An own network passes on own data, under the data's labels, with a table on stdout and three reports."""
    model = ModelFolder(tmp_path / "mine")
    model.path.mkdir()
    layers = load_network("conv1d", ModelFolder(MODELS / "conv1d")).layers
    network = keras.Sequential([keras.layers.Input((28, 28, 1), name="crop"), *layers], name="mine")
    network.save(model.network)
    make_candidate(Source("rowstream-mine", network, (model.network,)), load(own_data), model)
    limits = limits_for_few_images(tmp_path, ("[models.rowstream-conv1d]", "[models.rowstream-mine]"))
    child = pipeline(tmp_path, "gate", "mine", "--limits", str(limits), "--data", str(own_data))
    assert child.returncode == 0, child.stdout + child.stderr
    headers, *_, last = child.stdout.splitlines()
    assert headers.split() == ["stage", "check", "measured", "limit", "verdict"]
    assert last == "rowstream-mine 0.1.0: passed (2,244 images: test crops of crops.npz)"
    _require_reports(tmp_path / "build" / "mine" / "gate")
    with Runner(model.path) as runner:
        assert runner.classify(load(own_data).test.crops[0]).label == "zero"
    assert "MNIST" not in model.card.read_text()


def _require_reports(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["gate.json", "junit.xml", "summary.md"]
    written = json.loads((folder / "gate.json").read_text())
    assert (written["format_version"], written["verdict"], written["images"]) == (4, "passed", 2244)
    suite = ET.parse(folder / "junit.xml").getroot()  # noqa: S314  # the gate's own
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert len(suite) == sum(len(stage["checks"]) for stage in written["stages"]) > 30
    assert (folder / "summary.md").read_text().startswith("## ✅ rowstream-mine 0.1.0: passed")


@pytest.mark.sampled
@pytest.mark.parametrize(
    "missing", ["golden.bin", "manifest.json", "model.int8.tflite", "float.weights.h5", "calibration.sha256"]
)
def test_a_missing_file_exits_2(good: Good, good_copy: Path, tmp_path: Path, missing: str) -> None:
    """A missing file of the model is an error that names it."""
    (good_copy / missing).unlink()
    child = pipeline(tmp_path, "gate", str(good_copy), "--limits", str(good.limits), **home(tmp_path))
    assert missing in refused(child)
    assert not (tmp_path / "build").exists()


def test_an_unreadable_file_exits_2(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """A manifest that is not JSON is an error."""
    (good_copy / "manifest.json").write_text("{")
    child = pipeline(tmp_path, "gate", str(good_copy), "--limits", str(good.limits), **home(tmp_path))
    assert "manifest.json: Expected JSON." in refused(child)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file or directory: 'limits.toml'"),
        ("[default\n", "limits.toml: Expected TOML."),
        ("[default]\nimages_max = 3\n", "limits.toml: default: Expected limits among ["),
    ],
)
def test_without_limits_exits_2(good: Good, tmp_path: Path, text: str | None, message: str) -> None:
    """A missing or invalid limits file is an error."""
    if text is not None:
        (tmp_path / "limits.toml").write_text(text)
    child = pipeline(tmp_path, "gate", str(good.folder), "--limits", "limits.toml", **home(tmp_path))
    assert message in refused(child)


def test_without_data_exits_2(good: Good, tmp_path: Path) -> None:
    """A data folder that does not exist is an error."""
    child = pipeline(tmp_path, "gate", str(good.folder), "--limits", str(good.limits), "--data", "nowhere")
    assert "nowhere: Expected train-images-idx3-ubyte" in refused(child)
