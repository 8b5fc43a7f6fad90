"""Tests of `pipeline.bench.peers.costs` with the real tools."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from converters.tflite.graph import read_graphs
from converters.tflite.micro import graph_alone
from device.signatures import CLASSIFY
from pipeline.bench.peers import costs
from pipeline.bench.peers.environment import python_with
from pipeline.bench.peers.process import PeerError, Program
from tests.conftest import MODELS
from tests.support.checkout import ROOT

_RELEASE = MODELS / "conv1d" / "model.int8.tflite"


@pytest.mark.thorough
def test_an_npu_takes_the_released_classify_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The released graph maps to the NPU, in some ten thousand cycles."""
    monkeypatch.chdir(ROOT)
    try:
        python_with("vela")
    except PeerError as error:
        pytest.skip(str(error))
    content = _RELEASE.read_bytes()
    whole = next(graph.index for graph in read_graphs(content) if graph.signature == CLASSIFY)
    (tmp_path / "classify.tflite").write_bytes(graph_alone(content, whole))
    assert 10_000 < (costs.npu_cycles(tmp_path / "classify.tflite") or 0) < 200_000


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_instructions_are_those_of_a_call(tmp_path: Path) -> None:
    """A call of the smallest release takes hundreds of thousands of instructions, not the millions of its start."""
    np.save(tmp_path / "inputs.npy", np.zeros((1, 28, 28, 1), np.float32))
    counted = costs.instructions(Program(Path(sys.executable), "litert", _RELEASE, tmp_path / "inputs.npy", 1))
    assert 100_000 < counted < 3_000_000


def test_a_program_that_fails_has_no_count(tmp_path: Path) -> None:
    """The reason is the status it ended with, or that there is no Valgrind."""
    program = Program(Path(str(shutil.which("false"))), "litert", _RELEASE, tmp_path / "inputs.npy", 1)
    with pytest.raises(PeerError, match=r"valgrind: ended with status 1: |Expected valgrind"):
        costs.instructions(program)
