"""Tests of `pipeline.release.microcontroller`: what is written is compiled, and its bytes run on TFLite Micro."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from converters.tflite.micro import MicroError, run_on_micro
from device.contract.golden import read_golden
from device.contract.manifest import read_manifest
from pipeline.folders import ModelFolder
from pipeline.release.microcontroller import ExportError, export_c
from tests.conftest import MODELS
from tests.support.example_models import ExampleModels

pytestmark = pytest.mark.slow

FACTS = """
#include <cstdio>
#include "model.h"
using namespace rowstream;
int main() {
  static_assert(sizeof(kStates) / sizeof(kStates[0]) == 4, "four states");
  size_t sum = 0;
  for (const State& each : kStates) sum += each.bytes;
  unsigned bytes = 0;
  for (size_t i = 0; i < kModelBytes; ++i) bytes += kModel[i];
  std::printf("%d %zu %s %d %u\\n", kSteps * kLinesPerStep * kLineBytes, sum, kLabels[9], kExample[0], bytes);
  return sum == kStateBytes ? 0 : 1;
}
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_c(ModelFolder(MODELS / "conv1d"), tmp_path_factory.mktemp("dist"))


def numbers(text: str, name: str) -> list[int]:
    """The numbers of an array in C++."""
    (body,) = re.findall(rf"\b{name}\[[^]]*\] = \{{(.*?)\}};", text, re.DOTALL)
    return [int(number) for number in re.findall(r"-?\d+", body)]


def test_the_array_is_the_file_that_ran(exported: Path) -> None:
    """The bytes in C++ are those of `model.tflite`, which gives the golden inputs their logits."""
    content = bytes(numbers((exported / "model.cc").read_text(), "kModel"))
    assert content == (exported / "model.tflite").read_bytes()
    golden = read_golden(MODELS / "conv1d", read_manifest(MODELS / "conv1d"))
    given = (golden.crops.astype(np.int16) - 128).astype(np.int8)[..., np.newaxis]
    run = run_on_micro(content, given)
    assert ((golden.lowest[:, -1] <= run.logits) & (run.logits <= golden.highest[:, -1])).all()


def test_the_arena_is_the_smallest_in_which_the_model_runs(exported: Path) -> None:
    """It has room for what preparing takes for a while; one KiB less, and TFLite Micro refuses the model."""
    content = (exported / "model.tflite").read_bytes()
    assert "kArenaBytes = 19456;" in (exported / "model.h").read_text()
    inputs = np.zeros((1, 28, 28, 1), np.int8)
    assert run_on_micro(content, inputs, arena_bytes=19_456).arena_bytes < 17_500
    with pytest.raises(MicroError):
        run_on_micro(content, inputs, arena_bytes=18_432)


def test_the_header_says_how_a_step_is_made(exported: Path) -> None:
    """It has the lines of a step, the places, bytes and first values of the states, the labels and the threshold."""
    header, manifest = (exported / "model.h").read_text(), read_manifest(MODELS / "conv1d")
    assert "constexpr int kSteps = 7;" in header
    assert "constexpr int kLinesPerStep = 4;" in header
    states = {name: (int(size), int(zero)) for size, zero, name in re.findall(r", (\d+), (-?\d+)}, +// (\w+)", header)}
    assert states == {
        state.name: (int(np.prod(state.shape)), state.quantisation.zero_point) for state in manifest.states
    }
    assert f"kThreshold = {manifest.output.threshold}f;" in header
    assert 'kLabels[kClasses] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};' in header


def test_what_is_written_compiles_without_a_warning(exported: Path, tmp_path: Path) -> None:
    """A C++ compiler takes the array and the header, and sees in them what the manifest says."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("not run: g++ is not installed")
    (tmp_path / "facts.cc").write_text(FACTS)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{exported}"]
    files = [tmp_path / "facts.cc", exported / "model.cc"]
    subprocess.run([compiler, *flags, *files, "-o", tmp_path / "facts"], check=True)
    child = subprocess.run([tmp_path / "facts"], capture_output=True, text=True, check=True)
    content = (exported / "model.tflite").read_bytes()
    states = sum(int(np.prod(state.shape)) for state in read_manifest(MODELS / "conv1d").states)
    assert child.stdout == f"784 {states} 9 0 {sum(content)}\n"


@pytest.mark.thorough
def test_columns_are_written_in_the_order_of_time(tmp_path: Path) -> None:
    """The example of a model that reads columns has the crop's columns one after another."""
    folder = export_c(ModelFolder(MODELS / "cols2d"), tmp_path)
    golden = read_golden(MODELS / "cols2d", read_manifest(MODELS / "cols2d"))
    assert numbers((folder / "model.cc").read_text(), "kExample") == golden.crops[0].T.ravel().tolist()


def test_the_program_adds_the_operators_that_the_file_has(exported: Path) -> None:
    """A resolver with another operator, or one too few, would waste flash or refuse the model."""
    added = re.findall(r"resolver\.Add(\w+)\(\)", (exported / "main.cc").read_text())
    assert added == [
        *("Add", "Concatenation", "Conv2D", "FullyConnected", "Logistic", "MaxPool2D", "Mul", "Reshape", "Split"),
        *("StridedSlice", "Tanh"),
    ]
    assert f"MicroMutableOpResolver<{len(added)}>" in (exported / "main.cc").read_text()


@pytest.mark.sampled
@pytest.mark.parametrize("name", ["values", "sequence", "tags"])
def test_a_model_of_another_kind_is_refused(example_models: ExampleModels, tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="Expected a model that streams images and gives one class"):
        export_c(ModelFolder(example_models(name)), tmp_path)
    assert list(tmp_path.iterdir()) == []
