"""Tests of `pipeline.whole_folder` and of `pipeline.folders`: an earlier folder or model stays until the new one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.folders import ModelFolder, finished_model
from pipeline.whole_folder import whole_folder
from tests.support.killed import UNPRIVILEGED, killed_at_each_write, on_a_full_disk, run

FOLDER = (
    "from pipeline.whole_folder import whole_folder",
    """
with whole_folder(Path("dist/a")) as folder:
    (folder / "one").write_text("new" * 99)
    (folder / "two").write_text("new" * 99)
""",
)
MODEL = (
    "from pipeline.folders import ModelFolder",
    """
model = ModelFolder(Path("model"))
model.finish()
with model.replaced() as staged:
    for name in ("model.int8.tflite", "float.keras", "manifest.json", "README.md"):
        (staged.path / name).write_text("new" * 99)
""",
)
NEW = "new" * 99


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A folder with an earlier folder `dist/a`, and an earlier model."""
    files = {"dist/a/one": "earlier", "dist/a/three": "earlier"}
    names = ("model.int8.tflite", "float.weights.h5", "manifest.json", "README.md", "recall.svg")
    for name, content in {**files, **{f"model/{name}": "earlier" for name in names}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_a_folder_replaces_another(earlier: Path) -> None:
    """The new folder has none of the earlier one's files, and only the lock stays beside it."""
    with whole_folder(earlier / "dist" / "a") as folder:
        (folder / "one").write_text("new")
        assert contents(earlier / "dist" / "a") == {"one": "earlier", "three": "earlier"}
    assert contents(earlier / "dist" / "a") == {"one": "new"}
    assert sorted(path.name for path in (earlier / "dist").iterdir()) == [".a.lock", "a"]


def test_a_full_disk_keeps_the_earlier_folder(earlier: Path) -> None:
    """A write for which there is no space is an OSError; the earlier folder stays, and no half one."""
    child = on_a_full_disk(earlier, *FOLDER)
    assert (child.returncode, child.stderr.splitlines()[-1]) == (1, "OSError: [Errno 27] File too large")
    assert contents(earlier / "dist" / "a") == {"one": "earlier", "three": "earlier"}
    assert sorted(path.name for path in (earlier / "dist").iterdir()) == [".a.lock", "a"]


def test_a_kill_leaves_the_earlier_or_the_new_folder(earlier: Path) -> None:
    """Wherever the process is killed, the folder is whole, or the next process puts the earlier one back."""
    dist, whole = earlier / "dist", ({"one": "earlier", "three": "earlier"}, {"one": NEW, "two": NEW})
    for _ in killed_at_each_write(earlier, *FOLDER):
        assert contents(dist / "a" if (dist / "a").exists() else dist / ".a.earlier") in whole
    assert contents(dist / "a") == {"one": NEW, "two": NEW}
    assert sorted(path.name for path in dist.iterdir()) == [".a.lock", "a"]


def test_two_processes_do_not_make_the_same_folder(earlier: Path) -> None:
    """While one process makes a folder, another is refused, and the first is not disturbed."""
    with whole_folder(earlier / "dist" / "a") as folder:
        child = run(earlier, FOLDER[0], "", FOLDER[1])
        (folder / "one").write_text("first")
    assert child.stderr.splitlines()[-1].startswith(
        "RuntimeError: dist/a: Expected no other process. Received: process "
    )
    assert contents(earlier / "dist" / "a") == {"one": "first"}


def test_a_read_only_folder_is_an_error_that_names_the_file(earlier: Path) -> None:
    """Where nothing may be written, the error names the place, and the earlier folder stays."""
    earlier.chmod(0o755)
    (earlier / "dist").chmod(0o555)
    child = run(earlier, FOLDER[0], UNPRIVILEGED, FOLDER[1])
    (earlier / "dist").chmod(0o755)
    assert child.stderr.splitlines()[-1] == "PermissionError: [Errno 13] Permission denied: 'dist/.a.lock'"
    assert contents(earlier / "dist" / "a") == {"one": "earlier", "three": "earlier"}


def test_a_full_disk_keeps_the_earlier_model(earlier: Path) -> None:
    """A model for which there is no space leaves every file of the earlier one, and nothing beside them."""
    before = contents(earlier / "model")
    child = on_a_full_disk(earlier, *MODEL)
    assert (child.returncode, child.stderr.splitlines()[-1]) == (1, "OSError: [Errno 27] File too large")
    assert (contents(earlier / "model"), len(list((earlier / "model").iterdir()))) == (before, 5)


@pytest.mark.thorough
def test_a_kill_leaves_the_earlier_or_the_new_model(earlier: Path) -> None:
    """Wherever the process is killed, all files are the earlier ones, or the next process finds all new ones."""
    model = earlier / "model"
    old = contents(model)
    new = dict.fromkeys(("model.int8.tflite", "float.keras", "manifest.json", "README.md"), NEW)
    finished = []
    for _ in killed_at_each_write(earlier, *MODEL):
        finished.append(contents(finished_model(model).path))
        assert finished[-1] in (old, new)
        for path in (path for path in model.iterdir() if path.is_file()):
            path.unlink()
        for name, content in old.items():
            (model / name).write_text(content)
    assert old in finished
    assert new in finished
    assert contents(model) == new


def test_a_file_that_is_the_same_keeps_its_time(earlier: Path) -> None:
    """A file of the new model with the same content is left as it is, so that nothing made from it is made again."""
    place = earlier / "model" / "README.md"
    before = place.stat().st_mtime_ns
    with ModelFolder(earlier / "model").replaced() as staged:
        (staged.path / "README.md").write_text("earlier")
        (staged.path / "manifest.json").write_text("new")
    assert place.stat().st_mtime_ns == before
    assert contents(earlier / "model")["manifest.json"] == "new"
