"""Tests of the Containerfile: what it names exists, and it builds where there is a builder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

import device
from device.cli.arguments import DEFAULT_MODELS
from pipeline.release.wheel import EXTRAS, PACKAGE, PYTHONS
from tests.conftest import MODELS, ROOT
from tests.support.wheels import built_wheel

TEXT = (ROOT / "Containerfile").read_text()
# Each instruction with its continued lines as one.
INSTRUCTIONS = re.findall(r"^([A-Z]+) (.*)$", TEXT.replace("\\\n", ""), re.MULTILINE)
BUILDERS = ("podman", "docker", "buildah")
_LIMIT_S = 600


def values(instruction: str) -> list[str]:
    return [value for name, value in INSTRUCTIONS if name == instruction]


def test_base_is_a_python_that_the_wheel_is_for() -> None:
    """The base image is a slim one of a Python that the wheel names."""
    (base,) = values("FROM")
    found = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim", base)
    assert found is not None
    assert found[1] in PYTHONS


def test_the_wheel_that_is_copied_is_the_one_that_is_built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The pattern matches the file that `make wheel` writes, and the builder is sent that alone."""
    (copied,) = values("COPY")
    pattern = copied.split()[0]
    assert fnmatch(f"dist/{built_wheel(tmp_path_factory).name}", pattern)
    assert (ROOT / ".dockerignore").read_text() == f"*\n!{pattern}\n"


def test_the_extras_are_those_of_the_wheel() -> None:
    """Only extras that the wheel has are installed."""
    (installed,) = re.findall(r"\"\$1\[(.*?)\]\"", TEXT)
    assert set(installed.split(",")) <= set(EXTRAS)


def test_the_container_runs_the_command_as_a_user() -> None:
    """The entry point is the wheel's command, and its user is one that was made and is not root."""
    assert json.loads(values("ENTRYPOINT")[0]) == [PACKAGE]
    (user,) = values("USER")
    assert user == "rowstream"
    assert re.search(rf"useradd --system .* {user}$", values("RUN")[-1])
    assert [name for name, _ in INSTRUCTIONS].index("USER") > [name for name, _ in INSTRUCTIONS].index("RUN")


def test_a_model_at_its_mount_is_found_by_itself() -> None:
    """From the working directory, the first default model is where the comment says that it is mounted."""
    (folder,) = values("WORKDIR")
    assert Path(folder, DEFAULT_MODELS[0]) == Path("/model")


def command(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False, timeout=_LIMIT_S)


def in_container(builder: str, image: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a container without a network that has a model at its mount, as the image's user."""
    options = ("--volume", f"{MODELS / 'rows2d'}:/model:ro")
    if builder != "buildah":
        return command(
            builder, "run", "--rm", "--network=none", "--entrypoint", arguments[0], *options, image, *arguments[1:]
        )
    made = command(builder, "from", image)
    if made.returncode:
        return made
    ran = command(builder, "run", *options, made.stdout.strip(), "--", *arguments)
    command(builder, "rm", made.stdout.strip())
    return ran


def builder() -> str:
    """Returns a builder that runs the base image here, which it may have to fetch, or skips the test."""
    (base,) = values("FROM")
    present = [name for name in BUILDERS if shutil.which(name)]
    for name in present:
        if in_container(name, base, "true").returncode == 0:
            return name
    pytest.skip(f"no builder runs {base} here; present: {', '.join(present) or 'none'}")


@pytest.mark.slow
@pytest.mark.thorough
def test_the_container_builds_and_reads(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where there is a builder, the image builds from the wheel, and its user verifies a mounted model."""
    name, tag = builder(), "localhost/rowstream-test"
    (tmp_path / "dist").mkdir()
    shutil.copy(built_wheel(tmp_path_factory), tmp_path / "dist")
    for file in ("Containerfile", ".dockerignore"):
        shutil.copy(ROOT / file, tmp_path)
    built = command(name, "build", "--tag", tag, "--file", "Containerfile", ".", folder=tmp_path)
    assert built.returncode == 0, built.stderr
    assert in_container(name, tag, PACKAGE, "--version").stdout == f"{PACKAGE} {device.__version__}\n"
    assert in_container(name, tag, "id", "--user", "--name").stdout == "rowstream\n"
    verified = in_container(name, tag, PACKAGE, "verify")
    assert (verified.returncode, verified.stdout[:17]) == (0, "model: passed: 16"), verified.stderr
