"""Tests that recurrent cells in int16 give the same bits whole and by line on each emulated machine and runtime."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from device.manifest import read_manifest
from tests.pi.test_equality import ON_DEVICE
from tests.support.checkout import ROOT
from tests.support.commands import pipeline
from tests.support.pi.emulator import Target


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the device code, `model`, an own network with cells in int16, and `inputs.npy`."""
    folder = tmp_path_factory.mktemp("wide")
    keras.utils.set_random_seed(4)
    cells = [layers.LSTM(24, return_sequences=True), layers.GRU(16)]
    front = layers.Conv1D(16, 3, padding="causal", activation="relu")
    network = keras.Sequential([layers.Input((12, 5)), front, *cells, layers.Dense(3)])
    network.save(folder / "net.keras")
    x = np.random.default_rng(0).normal(size=(300, 12, 5)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=np.arange(300) % 3)
    options = ("--data", "data.npz", "--name", "mine", "--precision", "int8+state16")
    child = pipeline(folder, "convert", "net.keras", *options)
    assert child.returncode == 0, child.stderr
    (folder / "build" / "mine").rename(folder / "model")
    shutil.copytree(ROOT / "device", folder / "device")
    # Also inputs beyond what calibration showed.
    np.save(folder / "inputs.npy", np.concatenate([x[:100], 4 * x[100:150]]))
    return folder


def test_whole_and_by_line_are_equal_with_states_in_int16(target: Target, wide: Path, tmp_path: Path) -> None:
    """No logit of any sequence differs, and the states are int16 in the file."""
    manifest = read_manifest(wide / "model")
    assert (manifest.precision, {state.type for state in manifest.states if "rows" not in state.name}) == (
        "int8+state16",
        {"int16"},
    )
    child = target.python([ON_DEVICE, "logits", wide / "model", wide / "inputs.npy", tmp_path / "there.npz"], wide)
    report = json.loads(child.stdout.strip().rpartition("\n")[2])
    assert report["runtime"].startswith(target.runtime)
    assert (report["different"], report["answers_equal"]) == (0, True)
