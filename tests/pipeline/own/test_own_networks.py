"""Tests of networks and data of one's own through the commands, in child processes: convert, gate, classify."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.contract.manifest import Fidelity, read_manifest
from device.runner import Runner
from pipeline.own.recipe import read_recipe
from tests.conftest import MODELS, ROOT
from tests.pipeline.own.conftest import Workspace
from tests.support.checkout import exhaustive
from tests.support.commands import pipeline, refused

pytestmark = pytest.mark.slow

LIMITS = ("--limits", str(MODELS / "limits.toml"))


def classified(folder: Path, name: str) -> list[dict[str, Any]]:
    """Returns what `python -m device classify` answers for a file of inputs, by `build/mine`."""
    command = [
        sys.executable,
        "-m",
        "device",
        "classify",
        str(folder / name),
        "--model",
        str(folder / "build" / "mine"),
    ]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return [json.loads(line) for line in child.stdout.splitlines()]


def answer(kind: str, line: dict[str, Any]) -> Any:
    """Returns an answer as the data label it."""
    if kind == "classes":
        return ("slow", "fast").index(line["label"])
    if kind == "binary":
        return int(line["label"])
    if kind == "multilabel":
        return [int(name in line["labels"]) for name in ("fast", "high")]
    if kind == "values":
        assert line["units"] == "mm"
        return line["values"]
    return [("down", "up").index(step["label"]) for step in line["steps"]]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["steps", "classes", *exhaustive("binary", "multilabel", "values")])
def test_sequences_of_each_kind_are_converted_judged_and_answered(kind: str, own_workspace: Workspace) -> None:
    """A table and the next command are printed, the gate passes, and the device answers as the data label."""
    folder = own_workspace(kind)
    headers, _, row, following = (folder / "printed.txt").read_text().splitlines()
    assert headers.startswith("model ")
    assert row.startswith("mine ")
    assert following == "python -m pipeline gate build/mine"
    manifest = read_manifest(folder / "build" / "mine")
    expected = ("classes", True) if kind == "steps" else (kind, False)
    assert (manifest.output.kind, manifest.output.per_step) == expected
    assert (manifest.input.kind, manifest.input.pixels, manifest.not_streamable) == ("sequence", None, "")

    with np.load(folder / "data.npz") as data:
        inputs, targets = data["x"], data["y"]
    np.save(folder / "inputs.npy", inputs[:20])
    answers = np.array([answer(kind, line) for line in classified(folder, "inputs.npy")])
    error = np.abs(answers - targets[:20]).mean()
    assert error < (1.5 if kind == "values" else 0.1)

    child = pipeline(folder, "gate", "build/mine", *LIMITS)
    assert child.returncode == 0, child.stdout + child.stderr
    assert child.stdout.splitlines()[-1].startswith("rowstream-mine 0.1.0: passed")

    (folder / "models").mkdir()
    shutil.copy(MODELS / "limits.toml", folder / "models")
    for command in ("report", "release"):
        child = pipeline(folder, command, "mine")
        assert child.returncode == 0, child.stdout + child.stderr
    assert "\n## Gate results\n\nVerdict: passed" in (folder / "models" / "mine" / "README.md").read_text()


@pytest.mark.thorough
def test_a_folder_of_images_for_a_network_that_scales_by_itself(own_workspace: Workspace) -> None:
    """Class folders give the names; the network's own Rescaling says that it takes grey levels."""
    folder = own_workspace("bars")
    manifest = read_manifest(folder / "build" / "mine")
    assert (manifest.input.kind, manifest.labels) == ("image", ("above", "below"))
    # The file takes them as the network does behind its Rescaling.
    assert manifest.input.pixels == pytest.approx((-1, 1), abs=0.005)
    assert manifest.accuracy is not None
    assert manifest.accuracy.int8_accuracy > 0.95
    recipe = read_recipe(folder / "build" / "mine" / "recipe.toml")
    assert (recipe.data.scaling, recipe.data.task, recipe.data.names) == ("0..255", "classes", ("above", "below"))
    assert recipe.limits.keys() == {"file_bytes_max", "int8_accuracy_percent_min"}

    images = np.zeros((2, 12, 12), np.uint8)
    images[0, 1, 1:-1] = images[1, 9, 1:-1] = 220
    np.save(folder / "two.npy", images)
    assert [line["label"] for line in classified(folder, "two.npy")] == ["above", "below"]


@pytest.mark.exhaustive
def test_videos_are_converted_judged_and_answered(own_workspace: Workspace) -> None:
    """Grey frames are images with an axis more, whose lines are frames; the gate passes, and the device answers."""
    folder = own_workspace("videos")
    manifest = read_manifest(folder / "build" / "mine")
    assert (manifest.input.kind, manifest.input.shape, manifest.steps) == ("image", (1, 5, 8, 8, 1), 5)
    with np.load(folder / "data.npz") as data:
        np.save(folder / "two.npy", data["x"][:2])
    assert [line["label"] for line in classified(folder, "two.npy")] == ["falls", "rises"]
    child = pipeline(folder, "gate", "build/mine", *LIMITS)
    assert child.returncode == 0, child.stdout + child.stderr


@pytest.mark.thorough
def test_a_stateful_network_becomes_a_continuous_model(own_workspace: Workspace) -> None:
    """Its states are never reset: it knows in each window what came in earlier ones, as Keras does."""
    folder = own_workspace("switches")
    manifest = read_manifest(folder / "build" / "mine")
    assert (manifest.continuous, manifest.steps, manifest.accuracy is not None) == (True, 5, True)
    assert read_recipe(folder / "build" / "mine" / "recipe.toml").network.time == "continuous"
    with np.load(folder / "data.npz") as data:
        windows, labels = data["x"][:20], data["y"][:20]
    with Runner(folder / "build" / "mine") as runner:
        answers = [[runner.push(line).label for line in window] for window in windows]
    assert [each[-1] for each in answers] == [("off", "on")[label] for label in labels]
    # No pulse in a window leaves it as it was.
    silent = next(index for index, window in enumerate(windows) if labels[index] and np.abs(window).max() < 0.5)
    assert set(answers[silent]) == {"on"}
    child = pipeline(folder, "gate", "build/mine", *LIMITS)
    assert child.returncode == 0, child.stdout + child.stderr
    (line,) = [line for line in child.stdout.splitlines() if "float step as in Keras" in line]
    assert "120 inputs, one after another" in line


@pytest.mark.thorough
def test_each_labelled_output_is_judged(own_workspace: Workspace) -> None:
    """Of a class and a value, the gate has the accuracy of one and the errors of the other; the device gives both."""
    folder = own_workspace("two")
    manifest = read_manifest(folder / "build" / "mine")
    kinds = {each.name: (each.kind, each.labels) for each in manifest.outputs}
    assert kinds == {"height": ("values", ("height0",)), "kind": ("classes", ("slow", "fast"))}
    errors = {each.output: each.float_mean_error is not None for each in manifest.fidelity}
    assert errors == {"height": True, "kind": False}
    child = pipeline(folder, "gate", "build/mine", *LIMITS)
    assert child.returncode == 0, child.stdout + child.stderr
    for check in ("accuracy drop, kind", "agreement with float, kind", "mean error, int8 to float, height"):
        assert check in child.stdout
    assert "- int8 accuracy, kind: 100.00 %" in child.stdout
    with np.load(folder / "data.npz") as data:
        np.save(folder / "one.npy", data["x"][1])
    (line,) = classified(folder, "one.npy")
    assert line["outputs"]["kind"]["label"] == "fast"


@pytest.mark.thorough
def test_a_wrong_scaling_is_refused_with_its_mend(own_workspace: Workspace) -> None:
    """A network that reads grey levels far better than 0..1 is not converted; the candidate stays as it was."""
    folder = own_workspace("bars")
    before = (folder / "build" / "mine" / "manifest.json").read_bytes()
    child = pipeline(folder, "convert", "net.keras", "--data", "images", "--name", "mine", "--scaling", "0..1")
    assert child.returncode == 2
    assert child.stderr.splitlines()[-1].endswith("Declare --scaling 0..255")
    assert (folder / "build" / "mine" / "manifest.json").read_bytes() == before
    child = pipeline(folder, "convert", "net.keras", "--data", "images", "--name", "mine", "--scaling", "255..0")
    assert child.returncode == 2
    assert child.stderr.splitlines()[-1].startswith("error: Expected a scaling that rises, as int8's does.")


@pytest.mark.thorough
def test_forged_figures_and_lax_limits_are_said_aloud(own_workspace: Workspace) -> None:
    """A false fidelity is refused; a recipe's limit that refuses nothing is named in the verdict."""
    folder = own_workspace("classes")
    candidate = folder / "build" / "mine"
    manifest = read_manifest(candidate)
    recipe = read_recipe(candidate / "recipe.toml")
    replace(recipe, limits={**recipe.limits, "accuracy_drop_pp_max": 100}).write(candidate / "recipe.toml")
    replace(manifest, fidelity=(Fidelity("logits", 98.0, None, None),)).write(candidate)
    child = pipeline(folder, "gate", "build/mine", *LIMITS)
    assert child.returncode == 1
    (reason,) = [line for line in child.stdout.splitlines() if line.startswith("- refused: ")]
    assert reason.startswith("- refused: fidelity in manifest: ")
    assert reason.endswith(" dB apart is not ≤ 0.50 dB")
    assert "refused, but these limits refuse nothing: accuracy_drop_pp_max = 100" in child.stdout.splitlines()[-1]


@pytest.mark.thorough
def test_all_layers_that_cannot_be_lowered_are_named_before_any_data(tmp_path: Path) -> None:
    """A network with two unsupported layers is refused with both, although its data do not exist."""
    import keras  # noqa: PLC0415  # takes seconds, which only this test should wait for
    from keras import layers  # noqa: PLC0415

    up = [layers.Conv1DTranspose(2, 3, padding="same", name=name) for name in ("first_up", "second_up")]
    keras.Sequential([layers.Input((20, 2)), *up, layers.LSTM(4), layers.Dense(2)]).save(tmp_path / "net.keras")
    child = pipeline(tmp_path, "convert", "net.keras", "--data", "nowhere.npz")
    assert child.returncode == 2
    assert "first_up" in child.stderr
    assert "second_up" in child.stderr
    assert "nowhere.npz" not in child.stderr


def test_a_recipe_is_written_to_be_edited(tmp_path: Path) -> None:
    """`init` writes what was named, and what can be set, with paths from the recipe's folder; it replaces no file."""
    (tmp_path / "net.keras").touch()
    arguments = ("init", "net.keras", "--data", "x.npz", "--task", "regression", "--units", "kg", "--names", "a,b")
    child = pipeline(tmp_path, *arguments)
    assert (child.returncode, child.stdout) == (0, "python -m pipeline convert recipe.toml\n")
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert (recipe.network.source, recipe.data.source) == ("net.keras", "x.npz")
    assert (recipe.data.task, recipe.data.names, recipe.output.units) == ("regression", ("a", "b"), "kg")
    assert refused(pipeline(tmp_path, *arguments)).startswith("error: recipe.toml: Expected no file there.")
