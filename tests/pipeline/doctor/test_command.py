"""Tests of `python -m pipeline doctor` in child processes: its table, its findings and its exit status."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.support.commands import pipeline, refused

NETWORKS = """
import keras
from keras import layers
def sick():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.LSTM(3), layers.Dense(2)])
def well():
    return keras.Sequential([keras.Input((8, 8)), layers.LSTM(3), layers.Dense(2)])
"""
SICK = """\
layer    kind     shape after it (* is time)
-------  -------  ----------------------------
flatten  Flatten  [64]
lstm     LSTM     raises

flatten: flatten
  loses the steps before the recurrent layer
  because lstm expects [steps, features] and gets [64]
  mend: layers.Reshape((8, 8))

The repaired program:

import keras
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "networks.py").write_text(NETWORKS)
    return tmp_path


@pytest.mark.thorough
def test_a_sick_network_is_explained_and_exits_1(folder: Path) -> None:
    child = pipeline(folder, "doctor", "networks.py:sick")
    assert (child.returncode, child.stderr) == (1, "")
    assert child.stdout.startswith(SICK)


@pytest.mark.thorough
def test_a_healthy_network_exits_0(folder: Path) -> None:
    child = pipeline(folder, "doctor", "networks:well")
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.endswith("\nhealthy\n")


@pytest.mark.thorough
def test_a_file_of_keras_2_is_examined(folder: Path) -> None:
    """An h5 file of Keras 2 is loaded in a child process and followed like any network."""
    shutil.copy(ROOT / "tests" / "support" / "keras2" / "crnn.h5", folder)
    child = pipeline(folder, "doctor", "crnn.h5")
    assert child.returncode == 0
    assert "bidirectional        Bidirectional       [4*, 6]\n" in child.stdout


@pytest.mark.thorough
def test_data_of_0_to_255_without_scaling_exits_1(folder: Path) -> None:
    np.save(folder / "pixels.npy", np.full((2, 8, 8), 255, np.uint8))
    child = pipeline(folder, "doctor", "networks.py:well", "--data", "pixels.npy")
    assert child.returncode == 1
    assert "lstm: scaling\n  takes values up to 255\n" in child.stdout


@pytest.mark.thorough
def test_a_missing_function_exits_2(folder: Path) -> None:
    line = refused(pipeline(folder, "doctor", "networks.py:absent"))
    assert line == "error: networks.py:absent: Expected a function. Found none of that name"
