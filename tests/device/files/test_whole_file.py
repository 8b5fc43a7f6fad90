"""Tests of `device.files.whole_file`: an earlier file stays until the new one is whole."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from pathlib import Path

from device.files.whole_file import whole_file, write_whole
from tests.support.checkout import ROOT
from tests.support.killed import UNPRIVILEGED, killed_at_each_write, on_a_full_disk, run

IMPORTS = "from device.files.whole_file import write_whole"
BODY = "write_whole(Path('a.json'), 1000 * 'new')"

# What writes otherwise: to a temporary folder, to one that is put in place as a whole, to memory, or a video.
OTHER_WRITERS = {
    *("converters/child.py", "converters/convert.py", "converters/tflite/micro.py", "pipeline/gate/runtimes.py"),
    *("converters/loading/child.py", "converters/loading/load.py", "converters/loading/safely.py"),
    *("converters/workspace.py", "pipeline/own/make.py"),
    *("pipeline/release/bundle.py", "pipeline/release/candidate.py", "pipeline/release/release.py"),
    *("pipeline/release/wheel.py", "pipeline/release/microcontroller.py"),
    *("pipeline/bench/baselines.py", "pipeline/bench/report.py", "pipeline/bench/scaling.py"),
    *("pipeline/bench/read_inputs.py", "pipeline/bench/peers/child.py", "pipeline/bench/peers/make.py"),
    *("pipeline/bench/peers/environment.py", "pipeline/bench/peers/onnx_file.py"),
    *("pipeline/bench/peers/scaling_case.py",),
    *("device/watch/recording.py", "device/files/whole_file.py", "device/update/home.py"),
    *("pipeline/gate/measure.py", "pipeline/folders.py", "pipeline/whole_folder.py", "pipeline/signing/development.py"),
}
WRITES = {"write_text", "write_bytes", "save", "savez", "save_weights", "savez_compressed", "imwrite"}


def test_text_and_bytes_are_written(tmp_path: Path) -> None:
    """Text is written as UTF-8 and bytes as they are, into a folder that need not be there yet."""
    write_whole(tmp_path / "deep" / "a.txt", "é\n")
    write_whole(tmp_path / "deep" / "a.bin", b"\0\n")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"\xc3\xa9\n"
    assert (tmp_path / "deep" / "a.bin").read_bytes() == b"\0\n"
    assert len(list((tmp_path / "deep").iterdir())) == 2


def test_an_exception_keeps_the_earlier_file(tmp_path: Path) -> None:
    """If the block is left by an exception, the earlier file stays and nothing is beside it."""
    (tmp_path / "a.keras").write_text("earlier")
    with suppress(RuntimeError), whole_file(tmp_path / "a.keras") as unfinished:
        assert (unfinished.parent, unfinished.suffix) == (tmp_path, ".keras")
        unfinished.write_text("half")
        raise RuntimeError("halfway")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.keras", "earlier")]


def test_a_full_disk_keeps_the_earlier_file(tmp_path: Path) -> None:
    """A write for which there is no space is an OSError; the earlier file stays and nothing is beside it."""
    (tmp_path / "a.json").write_text("earlier")
    child = on_a_full_disk(tmp_path, IMPORTS, BODY)
    assert (child.returncode, child.stderr.splitlines()[-1]) == (1, "OSError: [Errno 27] File too large")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "earlier")]


def test_a_kill_leaves_the_earlier_or_the_new_file(tmp_path: Path) -> None:
    """Wherever the process is killed, the file is the earlier or the new one."""
    (tmp_path / "a.json").write_text("earlier")
    steps = 0
    for _ in killed_at_each_write(tmp_path, IMPORTS, BODY):
        steps += 1
        assert (tmp_path / "a.json").read_text() in {"earlier", 1000 * "new"}
    assert steps >= 2
    assert (tmp_path / "a.json").read_text() == 1000 * "new"


def test_a_read_only_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """Where nothing may be written, the error names the file, and the earlier one stays."""
    (tmp_path / "a.json").write_text("earlier")
    tmp_path.chmod(0o555)
    child = run(tmp_path, IMPORTS, UNPRIVILEGED, BODY)
    tmp_path.chmod(0o755)
    error = child.stderr.splitlines()[-1]
    assert re.fullmatch(r"PermissionError: \[Errno 13\] Permission denied: '\.[0-9]+\.a\.json'", error)
    assert (tmp_path / "a.json").read_text() == "earlier"


def test_every_file_is_written_whole() -> None:
    """No other module of the product writes or copies a file in its place."""
    found = set()
    for path in (each for floor in ("device", "converters", "pipeline") for each in (ROOT / floor).rglob("*.py")):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        attributes = [call for call in calls if isinstance(call, ast.Attribute)]
        names = {call.attr for call in attributes}
        copies = any(isinstance(call.value, ast.Name) and call.value.id == "shutil" for call in attributes)
        if (copies or names & WRITES) and "whole_file(" not in path.read_text():
            found.add(path.relative_to(ROOT).as_posix())
    assert found <= OTHER_WRITERS
