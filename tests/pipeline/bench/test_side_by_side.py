"""Tests of `pipeline.bench.side_by_side` with real processes: what is measured, and what a failure leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.bench.effort import Effort
from pipeline.bench.measured import BenchResult, Training
from pipeline.bench.peers.files import PeerFiles
from pipeline.bench.peers.peer import Peer
from pipeline.bench.pictures import draw_pictures
from pipeline.bench.read_inputs import write_read_inputs
from pipeline.bench.side_by_side import SideBySide
from pipeline.data.mnist import embedded_splits
from pipeline.folders import ModelFolder
from tests.conftest import MODELS

_EFFORT = Effort(5, 1, test_inputs=100, corrupted_inputs=1, training_inputs=1, epochs=1)
_PEERS = (
    Peer("ours", "litert", "", (1, 2)),
    Peer("unrolled", "litert", "unrolled-float", (1,)),
    Peer("runner", "runner", "", (1,)),
    Peer("Keras", "keras_compiled", "keras", (1,)),
    Peer("no maker", "litert", "unknown", (1,)),
    Peer("no engine", "unknown", "", (1,)),
    Peer("trained", "litert", "cnn", (1,)),
    Peer("elsewhere", "", "", (), unavailable="not installed: no wheel"),
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BenchResult:
    """A run with four peers that work and three that do not."""
    folder = tmp_path_factory.mktemp("bench")
    inputs = write_read_inputs(embedded_splits(), _EFFORT, folder)
    files = PeerFiles(ModelFolder(MODELS / "rows2d"), folder, 1)
    rows = SideBySide(files, inputs, _EFFORT).measure(_PEERS)
    return BenchResult("rows2d", "x86_64", 100, "embedded", Training(0, 1), rows)


@pytest.mark.thorough
def test_peers_take_turns_in_processes_of_their_own(result: BenchResult) -> None:
    """A peer that works has times of five rounds for each number of threads, and the first is 1.00 of itself."""
    ours, unrolled, runner, network, *_ = result.rows
    assert [(each.threads, each.rounds) for each in ours.times] == [(1, 5), (2, 5)]
    assert [each.ratio.median for each in ours.times if each.ratio] == [1.0, 1.0]
    assert [each.threads for each in unrolled.times] == [1]
    assert min(each.accuracy_percent or 0 for each in (ours, unrolled, runner, network)) >= 95
    assert min(unrolled.start_ms or 0, unrolled.peak_memory_kib or 0) > 0


@pytest.mark.thorough
def test_a_peer_that_fails_is_a_row_with_its_reason(result: BenchResult) -> None:
    """What cannot be made, loaded or installed stays in the table, and says why."""
    *_, maker, engine, trained, elsewhere = result.rows
    assert maker.failure == "not made, status 1: KeyError: 'unknown'"
    assert engine.failure == "ended with status 1: KeyError: 'unknown'"
    assert trained.failure == (
        "not made, status 1: ValueError: Expected MNIST's training images: name their folder, --data DIR. Found none"
    )
    assert elsewhere.failure == "not installed: no wheel"
    assert "elsewhere: not installed: no wheel" in result.table()


@pytest.mark.thorough
def test_the_result_is_json_and_pictures(result: BenchResult, tmp_path: Path) -> None:
    """The file has a row for each peer, and both pictures are drawn."""
    assert [row["name"] for row in json.loads(result.json())["rows"]] == [peer.name for peer in _PEERS]
    draw_pictures(result, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accuracy-bytes.svg", "accuracy-time.svg"]
