"""Tests that training and an unchanged release leave a clone clean; tests/test_docs.py has the other commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import SmallMnist
from tests.support.commands import OFFLINE

pytestmark = pytest.mark.exhaustive

# Python runs this before anything else: the small folder's hashes in place of MNIST's.
SITE = """
import json, os
import pipeline.data.mnist
pipeline.data.mnist.SHA256 = json.loads(os.environ["SMALL_SHA256"])
"""
# One short epoch.
TRAIN = """
import functools, sys
import pipeline.synthesis.training_set
few = {"photographed": 64, "negatives": 64, "epoch_images": 256}
pipeline.synthesis.training_set.TrainingMix = functools.partial(pipeline.synthesis.training_set.TrainingMix, **few)
from pathlib import Path
from pipeline.__main__ import main
Path(sys.argv[2]).write_text('[network]\\nvariant = "rows"\\n[training]\\nepochs = 1\\n')
sys.exit(main(["train", sys.argv[2], "--fonts", sys.argv[1]]))
"""


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ROWSTREAM"))}
    return subprocess.run(
        command, cwd=folder, env={**kept, **OFFLINE, **environment}, capture_output=True, text=True, check=False
    )


def make(clone: Path, target: str, variant: str = "conv1d", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a target of the clone's Makefile with the packages of this environment."""
    home = {"HOME": str(clone.parent / "home"), "XDG_CACHE_HOME": str(clone.parent / "cache")}
    options = (f"BIN={Path(sys.executable).parent}", f"VARIANT={variant}")
    return run(clone, str(shutil.which("make")), *options, target, **home, **environment)


def git(clone: Path, *arguments: str) -> str:
    child = run(clone, "git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments)
    assert child.returncode == 0, child.stderr
    return child.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The tracked files as they are, committed, with an environment that needs no installation."""
    folder = tmp_path / "clone"
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "clone")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "ready").touch()
    return folder


def assert_clean(clone: Path) -> None:
    assert git(clone, "status", "--porcelain") == ""


def test_a_release_of_unchanged_weights_leaves_the_clone_clean(clone: Path, mnist_folder: Path) -> None:
    """What this code makes of the committed weights is what is committed, to the byte."""
    for target in ("convert", "gate", "report", "release"):
        child = make(clone, target, ROWSTREAM_DATA=str(mnist_folder))
        assert child.returncode == 0, child.stdout + child.stderr
        assert_clean(clone)


def test_trained_weights_are_converted_and_not_committed(
    clone: Path, small_mnist: SmallMnist, font_folder: Path, tmp_path: Path
) -> None:
    """`train` writes to `build/`, and `convert` takes the weights from there."""
    (tmp_path / "sitecustomize.py").write_text(SITE)
    environment = {
        "ROWSTREAM_DATA": str(small_mnist.folder),
        "SMALL_SHA256": json.dumps(dict(small_mnist.sha256)),
        "PYTHONPATH": f"{tmp_path}:{clone}",
    }
    recipe = str(tmp_path / "short.toml")
    child = run(clone, sys.executable, "-c", TRAIN, str(font_folder), recipe, **environment)
    assert (child.returncode, child.stdout) == (0, "build/rows/train/float.weights.h5\n"), child.stderr
    assert_clean(clone)
    child = make(clone, "convert", "rows", **environment)
    assert child.returncode == 0, child.stderr
    assert "rows: converting build/rows/train/float.weights.h5" in child.stderr
    assert_clean(clone)
    built, trained = (clone / "build" / "rows" / name / "float.weights.h5" for name in (".", "train"))
    assert built.read_bytes() == trained.read_bytes()
    assert built.read_bytes() != (clone / "models" / "rows" / "float.weights.h5").read_bytes()
