"""Tests of the Makefile, by running `make`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.variants import VARIANTS
from tests.conftest import ROOT

RULE = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `make` as from a terminal, and not as part of the `make test` that may run this."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = [str(shutil.which("make")), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def variable(name: str, *arguments: str) -> list[str]:
    return make(ROOT, f"--eval=show: ; @echo $({name})", "show", *arguments).stdout.split()


def targets() -> set[str]:
    return set(RULE.findall((ROOT / "Makefile").read_text()))


@pytest.fixture
def bare_project(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_makefile_has_the_documented_targets() -> None:
    """These are the targets for users."""
    expected = {
        *("bench", "bench-scaling", "bundle", "clean", "convert", "demo", "draw", "export-c", "gate", "help", "lint"),
        *("lock", "mutants", "pictures", "release", "report", "test", "test-device", "test-pi", "train", "wheel"),
    }
    assert targets() == expected


def test_targets_are_phony() -> None:
    """A file or folder with the name of a target does not keep it from running."""
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(phony.split()) == targets() | {"FORCE"}


def test_help_lists_every_target() -> None:
    """`make help` lists every target with what it does."""
    child = make(ROOT, "help")
    assert child.returncode == 0, child.stderr
    texts = dict(re.findall(r"^make ([a-z-]+) +(\S.*)$", child.stdout, re.MULTILINE))
    assert texts.keys() == targets()
    assert (
        texts["train"]
        == "train VARIANT's weights, or RECIPE=file, into build/NAME/train; resume an interrupted training"
    )


def test_help_is_the_default() -> None:
    """`make` alone prints the help."""
    assert make(ROOT).stdout == make(ROOT, "help").stdout


def test_makefile_knows_the_variants() -> None:
    """The Makefile's variants are the package's, in its order."""
    assert variable("VARIANTS") == list(VARIANTS) == ["rows2d", "cols2d", "conv1d", "rows", "fast", "tiny"]


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], ["rows2d"]),
        (["VARIANT=conv1d"], ["conv1d"]),
        (["VARIANT=all"], ["rows2d", "cols2d", "conv1d", "rows", "fast", "tiny"]),
    ],
)
def test_variant_chooses(arguments: list[str], chosen: list[str]) -> None:
    """VARIANT is one variant or all; the default is `rows2d`."""
    assert variable("CHOSEN", *arguments) == chosen


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python3"])
def test_wrong_python_is_one_clear_line(bare_project: Path, python: str) -> None:
    """An unsuitable Python is refused in one line that says what is needed, and nothing is installed."""
    child = make(bare_project, f"PYTHON={python}", ".venv/ready")
    assert (child.returncode, child.stdout) == (2, "")
    (line,) = [line for line in child.stderr.splitlines() if not line.startswith("make: ")]
    assert line.startswith("error: Rowstream needs Python 3.10 to 3.13. Found: ")
    assert line.endswith(". Name one: make PYTHON=/path/to/python3.11")
    assert sorted(path.name for path in bare_project.iterdir()) == ["Makefile", "requirements.lock"]


def test_a_linked_environment_is_never_emptied(bare_project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`venv --clear` through a link would empty somebody else's environment."""
    other = tmp_path_factory.mktemp("other")
    (other / "precious").touch()
    (bare_project / ".venv").symlink_to(other)
    child = make(bare_project, f"PYTHON={sys.executable}", ".venv/ready")
    assert child.returncode == 2
    assert child.stderr.startswith(
        f"error: .venv is a link to {other}, and requirements.lock is newer than .venv/ready"
    )
    assert [path.name for path in other.iterdir()] == ["precious"]


def test_a_linked_environment_that_is_ready_is_used(
    bare_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (bare_project / ".venv").symlink_to(other)
    (other / "ready").touch()
    assert make(bare_project, ".venv/ready").returncode == 0


def test_clean_deletes_what_can_be_made_again(bare_project: Path) -> None:
    """`make clean` deletes build and dist and leaves the environment and the models."""
    for name in ("build", "dist", ".venv", "models"):
        (bare_project / name).mkdir()
    assert make(bare_project, "clean").returncode == 0
    kept = [".venv", "Makefile", "models", "requirements.lock"]
    assert sorted(path.name for path in bare_project.iterdir()) == kept


def test_bundle_takes_the_makers_keys() -> None:
    """KEYS names the folder of the keys that sign; without it there is no such option."""
    arguments = ("--dry-run", "--assume-old=.venv/ready", "bundle")
    assert "-m pipeline bundle $variant --keys '/the keys';" in make(ROOT, *arguments, "KEYS=/the keys").stdout
    assert "-m pipeline bundle $variant ;" in make(ROOT, *arguments).stdout


def test_workflow_gates_every_variant() -> None:
    """The workflow on GitHub runs the gate on each released model."""
    workflow = (ROOT / ".github" / "workflows" / "gate.yml").read_text()
    assert f"variant: [{', '.join(VARIANTS)}]" in workflow
