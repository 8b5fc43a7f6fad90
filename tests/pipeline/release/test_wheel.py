"""Tests of `pipeline.release.wheel`: what the wheel for devices holds, and that it runs where nothing else is."""

from __future__ import annotations

import importlib.metadata
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest

import device
from device.files.toml_tables import loads
from pipeline.release import wheel as wheels
from pipeline.release.wheel import BuildError, build_wheel
from tests.conftest import MODELS, ROOT, Digits
from tests.support.wheels import Installed, built_wheel, install

VERSION = device.__version__
PROJECT = loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory)


@pytest.fixture
def installed(wheel: Path, tmp_path: Path, bare_site: Callable[..., Path]) -> Installed:
    return install(wheel, tmp_path / "venv", bare_site("numpy", "ai-edge-litert"))


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"rowstream_device-{VERSION}.dist-info/METADATA").decode())


def test_wheel_holds_the_device_side_as_rowstream(wheel: Path) -> None:
    """The wheel has every file of `device/` below `rowstream`, byte for byte, and nothing else beside its metadata."""
    expected = {
        f"rowstream/{path.relative_to(ROOT / 'device').as_posix()}": path.read_bytes()
        for path in (ROOT / "device").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wheel.name == f"rowstream_device-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
        assert f"rowstream_device-{VERSION}.dist-info/licenses/LICENSE" in archive.namelist()
    assert held == expected
    assert {"rowstream/web/page/draw.html", "rowstream/py.typed", "rowstream/requirements.txt"} <= held.keys()


def test_wheel_asks_for_what_the_project_asks_for(wheel: Path) -> None:
    """The wheel's dependencies are those of the project's extra `device`, and its extras the project's."""
    described = metadata(wheel)
    assert described["Name"] == "rowstream-device"
    assert described["Version"] == VERSION
    assert described["License-Expression"] == "Apache-2.0"
    assert described["Requires-Python"] == ">=3.10"
    assert described.get_all("Provides-Extra") == ["camera", "mqtt", "serve", "update"]
    required = described.get_all("Requires-Dist") or []
    extras = PROJECT["optional-dependencies"]
    named = ("device", "camera", "serve", "mqtt", "update")
    assert len(required) == sum(len(extras[name]) for name in named)
    assert "paho-mqtt>=2; extra == 'mqtt'" in required
    assert "ai-edge-litert>=2.3; platform_machine not in 'armv7l armv8l'" in required
    assert "tflite-runtime==2.14.0; platform_machine in 'armv7l armv8l'" in required


def test_wheel_names_the_pythons_it_is_for(wheel: Path) -> None:
    """Its classifiers name Python 3.10 to 3.14, each once."""
    classifiers = metadata(wheel).get_all("Classifier") or []
    minors = [each.rpartition(" ")[2] for each in classifiers if "Python :: 3." in each]
    assert minors == ["3.10", "3.11", "3.12", "3.13", "3.14"]


def test_two_builds_give_the_same_bytes(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wheel and source distribution do not depend on when, where and with what umask they are built."""
    first = {path.name: path.read_bytes() for path in wheel.parent.iterdir()}
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("elsewhere")))
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    before = os.umask(0o077)
    try:
        paths = build_wheel(tmp_path)
    finally:
        os.umask(before)
    assert {path.name: path.read_bytes() for path in paths} == first
    assert [path.suffix for path in paths] == [".whl", ".gz"]


def test_source_distribution_holds_what_builds_the_wheel(wheel: Path) -> None:
    """The source distribution has the package, its pyproject.toml, the licence and the readme."""
    with tarfile.open(wheel.with_name(f"rowstream_device-{VERSION}.tar.gz")) as archive:
        names = set(archive.getnames())
    top = f"rowstream_device-{VERSION}"
    assert {f"{top}/{name}" for name in ("LICENSE", "README.md", "pyproject.toml", "rowstream/runner.py")} <= names


def test_a_build_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the builder's own words, and no file is left."""
    monkeypatch.setattr(wheels, "NAME", "no name!")
    with pytest.raises(BuildError, match=r"Expected a wheel\. [\s\S]*project\.name"):
        build_wheel(tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_the_project_itself_installs_no_package() -> None:
    """An install of the checkout brings dependencies alone: `device` and `pipeline` are names that others use, too."""
    assert loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"] == []


@pytest.mark.slow
def test_installed_command_reads_a_digit(installed: Installed, digits: Digits, tmp_path: Path) -> None:
    """In an environment with numpy and LiteRT alone, `rowstream` answers its version, verifies and classifies."""
    np.save(tmp_path / "crop.npy", digits[0][90])
    assert installed.run("rowstream", "--version").stdout == f"rowstream {VERSION}\n"
    verified = installed.run("rowstream", "verify", MODELS / "rows2d")
    assert verified.returncode == 0, verified.stderr
    read = installed.run("rowstream", "classify", "--model", MODELS / "rows2d", tmp_path / "crop.npy")
    assert json.loads(read.stdout)["label"] == str(digits[1][90])


@pytest.mark.thorough
def test_installed_package_is_imported_as_rowstream(installed: Installed, digits: Digits, tmp_path: Path) -> None:
    """`from rowstream import Runner` works, and no package of a general name is there."""
    np.save(tmp_path / "crop.npy", digits[0][90])
    program = (
        "import importlib.util as util, sys, numpy\nfrom rowstream import Runner\n"
        "with Runner(sys.argv[1]) as runner: print(runner.classify(numpy.load(sys.argv[2])).label)\n"
        "print([name for name in ('device', 'pipeline', 'converters', 'tests') if util.find_spec(name)])"
    )
    child = installed.run("python", "-c", program, MODELS / "rows2d", tmp_path / "crop.npy")
    assert child.stdout == f"{digits[1][90]}\n[]\n", child.stderr
    distributions = importlib.metadata.distributions(path=[str(next(installed.folder.glob("lib/*/site-packages")))])
    assert [each.name for each in distributions] == ["rowstream-device"]


@pytest.mark.thorough
def test_installed_command_calls_itself_rowstream(installed: Installed) -> None:
    """Help and errors name the command that a person types; with the extra missing, they say what to install."""
    assert installed.run("rowstream", "--help").stdout.startswith("usage: rowstream [-h]")
    assert installed.run("python", "-m", "rowstream", "--help").stdout.startswith("usage: rowstream [-h]")
    child = installed.run("rowstream", "watch", "0", "--model", MODELS / "rows2d")
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr.startswith("error: watch needs OpenCV and Pillow: ")
    assert "device" not in child.stderr


@pytest.mark.thorough
def test_installed_command_writes_a_service_of_its_own(
    wheel: Path, tmp_path: Path, bare_site: Callable[..., Path]
) -> None:
    """The unit starts the environment's Python, and imports nothing from the folder that it runs in."""
    needed = bare_site("numpy", "ai-edge-litert", "opencv-python-headless", "pillow")
    installed = install(wheel, tmp_path / "venv", needed)
    child = installed.run("rowstream", "install-service", "--output", "-", "watch", "0", "--model", MODELS / "rows2d")
    assert child.returncode == 0, child.stderr
    lines = child.stdout.splitlines()
    assert f"ExecStart={installed.folder}/bin/python -m rowstream watch 0 --model {MODELS / 'rows2d'}" in lines
    assert "Environment=PYTHONSAFEPATH=1" in lines
    assert lines[0] == f"# rowstream install-service of rowstream {VERSION} wrote this."


@pytest.mark.thorough
def test_a_service_that_lacks_an_extra_is_not_written(installed: Installed) -> None:
    """A command that could not run is refused with what to install."""
    child = installed.run("rowstream", "install-service", "--output", "-", "serve", "--model", MODELS / "rows2d")
    assert (child.returncode, child.stdout) == (2, "")
    missing = "opencv-python-headless pillow starlette uvicorn"
    assert child.stderr.startswith("error: serve needs what is not installed: ")
    assert missing in child.stderr
