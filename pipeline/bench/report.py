"""Runs a model beside its peers, and writes what was measured as JSON, as a Markdown table and as pictures."""

from __future__ import annotations

from pathlib import Path

from pipeline.bench.effort import Effort
from pipeline.bench.measured import BenchResult, Training, processor
from pipeline.bench.peers.files import PeerFiles
from pipeline.bench.peers.peer import PEERS
from pipeline.bench.pictures import draw_pictures
from pipeline.bench.read_inputs import write_read_inputs
from pipeline.bench.side_by_side import SideBySide
from pipeline.bench.stages import measure_stages
from pipeline.data.splits import Splits
from pipeline.folders import ModelFolder
from pipeline.whole_folder import whole_folder


def bench_report(model: ModelFolder, splits: Splits, effort: Effort, into: Path) -> str:
    """Measures a model, writes a folder whole, and returns the table.

    Raises RuntimeError if another process is measuring into the same folder.
    """
    with whole_folder(into) as folder:
        inputs = write_read_inputs(splits, effort, folder)
        rows = SideBySide(PeerFiles(model, folder, effort.epochs), inputs, effort).measure(PEERS)
        read = min(effort.test_inputs, len(splits.test))
        trained = Training(min(effort.training_inputs, len(splits.training)), effort.epochs)
        stages = measure_stages(model.int8_tflite.read_bytes(), effort)
        result = BenchResult(model.path.name, processor(), read, splits.test_source, trained, rows, stages)
        (folder / "bench.json").write_text(result.json())
        (folder / "bench.md").write_text(result.table() + "\n")
        draw_pictures(result, folder)
    return result.table()
