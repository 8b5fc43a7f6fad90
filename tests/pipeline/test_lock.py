"""Tests of `pipeline.lock`, with the commands that hold it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import device
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.lock import folder_lock
from tests.conftest import MODELS
from tests.support.commands import pipeline, refused
from tests.support.killed import on_a_full_disk, run
from tests.support.verdicts import write_verdict

NAME = f"rowstream-rows-{device.__version__}"
HOLD = """
import os, signal
with folder_lock(Path("build/rows")):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder with one released model, which passed the gate."""
    shutil.copytree(MODELS / "rows", tmp_path / "models" / "rows")
    shutil.copy(MODELS / "limits.toml", tmp_path / "models")
    write_verdict(ModelFolder(tmp_path / "models" / "rows"), BuildFolder(tmp_path / "build" / "rows"))
    return tmp_path


def hashes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_conversion_of_a_variant_is_refused_at_once(released: Path) -> None:
    """While a process writes a variant's candidate, `convert` exits 2, names the process and writes nothing."""
    with folder_lock(released / "build" / "rows"):
        error = refused(pipeline(released, "convert", "rows"))
    received = f"process {os.getpid()} is writing there"
    assert error == f"error: build/rows: Expected no other process. Received: {received}"
    assert sorted(path.name for path in (released / "build").iterdir()) == [".rows.lock", "rows"]
    assert [path.name for path in (released / "build" / "rows").iterdir()] == ["gate"]


def test_a_second_bundle_of_a_variant_is_refused(released: Path) -> None:
    """While a process makes a bundle, `bundle` of the same exits 2, and names the process."""
    with folder_lock(released / "dist" / NAME):
        error = refused(pipeline(released, "bundle", "rows"))
    assert error.startswith(f"error: dist/{NAME}: Expected no other process. Received: process {os.getpid()} ")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """A process that is killed leaves a lock that the next one gets."""
    assert run(tmp_path, "from pipeline.lock import folder_lock", "", HOLD).returncode == -9
    with folder_lock(tmp_path / "build" / "rows"):
        assert (tmp_path / "build" / ".rows.lock").read_text() == str(os.getpid())


def test_a_full_disk_keeps_the_earlier_bundle(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle for which there is no space exits 2 with the reason, and the earlier bundle stays as it was."""
    monkeypatch.setenv("XDG_DATA_HOME", str(released / "data"))
    assert pipeline(released, "bundle", "rows").returncode == 0
    before = hashes(released / "dist")
    imports = "from pipeline.__main__ import main"
    child = on_a_full_disk(released, imports, 'sys.exit(main(["bundle", "rows"]))', max_bytes=20_000)
    assert refused(child).startswith("error: [Errno 27] File too large")
    assert hashes(released / "dist") | {f".{NAME}.lock": b""} == before | {f".{NAME}.lock": b""}
    assert sorted(path.name for path in (released / "dist").iterdir()) == [f".{NAME}.lock", "repository", NAME]
