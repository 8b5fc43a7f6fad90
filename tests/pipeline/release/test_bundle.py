"""Tests of `pipeline.release.bundle`: bundles are checked and run without the rest of the project."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

import device
from device.contract.manifest import ManifestError
from pipeline.folders import ModelFolder
from pipeline.release.bundle import bundle
from tests.conftest import MODELS, ROOT, Digits, run_python

NAME = f"rowstream-rows2d-{device.__version__}"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(ModelFolder(MODELS / "rows2d"), tmp_path_factory.mktemp("dist"))


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(shutil.which("sha256sum")), "--check", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_bundle_holds_the_device_and_the_model(packed: Path) -> None:
    """A bundle has the device's modules, the model and instructions, and is named after its release."""
    assert packed.name == NAME
    assert sorted(path.name for path in packed.iterdir()) == [
        *("LICENSE", "README.txt", "SHA256SUMS", "device", "model"),
        *("requirements-camera.txt", "requirements-serve.txt", "requirements.txt"),
    ]
    assert (packed / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert sorted(path.name for path in (packed / "model").iterdir()) == [
        *("README.md", "golden.bin", "manifest.json", "model.int8.tflite", "reading.svg", "recall.svg")
    ]
    modules = {path.relative_to(ROOT / "device") for path in (ROOT / "device").rglob("*.py")}
    assert {path.relative_to(packed / "device") for path in (packed / "device").rglob("*.py")} == modules
    assert (packed / "device" / "web" / "page" / "draw.html").is_file()


def test_bundled_model_is_the_released_one(packed: Path) -> None:
    """Model, golden crops, manifest and card are packed byte for byte."""
    for name in ("README.md", "golden.bin", "manifest.json", "model.int8.tflite"):
        assert (packed / "model" / name).read_bytes() == (MODELS / "rows2d" / name).read_bytes()


def test_sums_verify(packed: Path) -> None:
    """`sha256sum --check` accepts every file of a bundle."""
    child = checked(packed)
    assert child.returncode == 0, child.stderr
    listed = {line.removesuffix(": OK") for line in child.stdout.splitlines()}
    files = {path.relative_to(packed).as_posix() for path in packed.rglob("*") if path.is_file()}
    assert listed == files - {"SHA256SUMS"}


def test_sums_find_a_damaged_file(packed: Path, tmp_path: Path) -> None:
    """`sha256sum --check` names a file that changed."""
    copy = Path(shutil.copytree(packed, tmp_path / "copy"))
    (copy / "device" / "pixels.py").write_text("SIDE = 27\n")
    child = checked(copy)
    assert child.returncode == 1
    assert "device/pixels.py: FAILED\n" in child.stdout


def test_bundle_reads_digits(packed: Path, tmp_path: Path, digits: Digits) -> None:
    """A bundle reads digits on its own."""
    np.save(tmp_path / "crops.npy", digits[0][[0, 40]])
    child = run_python("-m", "device", "classify", tmp_path / "crops.npy", "--model", "model", folder=packed)
    assert child.returncode == 0, child.stderr
    assert [json.loads(line)["label"] for line in child.stdout.splitlines()] == ["0", "1"]


def test_bundle_passes_verify(packed: Path) -> None:
    """A bundle's instructions begin with a check of its model, which it passes on its own."""
    commands = [line.split()[3] for line in (packed / "README.txt").read_text().splitlines() if "-m device" in line]
    assert commands == ["verify", "classify", "watch", "serve"]
    child = run_python("-m", "device", "verify", "model", folder=packed)
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("model: passed: 16 golden crops")


def test_bundle_runs_its_own_device(packed: Path) -> None:
    """In a bundle, `device` is the bundle's own, and the pipeline cannot be imported."""
    code = "import importlib.util, device; print(device.__file__, importlib.util.find_spec('pipeline'))"
    assert run_python("-c", code, folder=packed).stdout == f"{packed / 'device' / '__init__.py'} None\n"


def test_a_bundle_replaces_an_earlier_one(tmp_path: Path) -> None:
    """A file of an earlier bundle of the same name is not in the next one."""
    (tmp_path / NAME / "device").mkdir(parents=True)
    (tmp_path / NAME / "device" / "stale.py").write_text("")
    packed = bundle(ModelFolder(MODELS / "rows2d"), tmp_path)
    assert not (packed / "device" / "stale.py").exists()
    assert checked(packed).returncode == 0


def test_refuses_a_tampered_model(model_copy: Path, tmp_path: Path) -> None:
    """A model file that its manifest does not describe is not packed; an earlier bundle stays."""
    path = model_copy / "model.int8.tflite"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    earlier = tmp_path / "dist" / NAME / "README.txt"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier")
    with pytest.raises(ManifestError, match=re.escape(f"{path}: Expected SHA-256 ")):
        bundle(ModelFolder(model_copy), tmp_path / "dist")
    assert [file.name for file in earlier.parent.iterdir()] == ["README.txt"]


@pytest.mark.parametrize(("field", "value"), [("name", "../../other"), ("name", "/other"), ("version", "1.0.0/../..")])
def test_refuses_a_manifest_that_leads_elsewhere(model_copy: Path, tmp_path: Path, field: str, value: str) -> None:
    """A name or version with a path in it is refused, and no folder outside the given one is touched."""
    manifest = json.loads((model_copy / "manifest.json").read_text())
    (model_copy / "manifest.json").write_text(json.dumps({**manifest, field: value}))
    with pytest.raises(ManifestError, match=f"manifest: Expected a {field} "):
        bundle(ModelFolder(model_copy), tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_refuses_a_folder_without_a_release(tmp_path: Path) -> None:
    """A folder without a manifest is refused, and nothing is packed."""
    with pytest.raises(FileNotFoundError, match=re.escape("manifest.json")):
        bundle(ModelFolder(tmp_path), tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no tomllib")
def test_requirements_are_the_extras(packed: Path) -> None:
    """A bundle's files require what the package's extras do, and each includes those that it needs."""
    tomllib = importlib.import_module("tomllib")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    required = {path.name: path.read_text().splitlines() for path in packed.glob("requirements*.txt")}
    device, camera, serve = (required[f"requirements{name}.txt"] for name in ("", "-camera", "-serve"))
    assert device == extras["device"]
    assert camera == ["-r requirements.txt", *extras["camera"]]
    assert serve == ["-r requirements-camera.txt", *(line for line in extras["serve"] if line not in extras["camera"])]


@pytest.mark.parametrize(
    ("system", "machine", "python", "expected"),
    [
        ("linux", "x86_64", "3.10", ["ai-edge-litert>=2.3", "numpy>=1.23.2"]),
        ("linux", "aarch64", "3.11", ["ai-edge-litert>=2.3", "numpy>=1.23.2"]),
        ("linux", "armv7l", "3.11", ["numpy<2,>=1.23.2", "tflite-runtime==2.14.0"]),
        ("linux", "armv8l", "3.11", ["numpy<2,>=1.23.2", "tflite-runtime==2.14.0"]),
        ("darwin", "arm64", "3.13", ["ai-edge-litert>=2.3", "numpy>=1.23.2"]),
        ("win32", "AMD64", "3.12", ["ai-edge-litert>=2.3", "numpy>=1.23.2"]),
    ],
)
def test_each_platform_gets_one_runtime(
    packed: Path, system: str, machine: str, python: str, expected: list[str]
) -> None:
    """LiteRT is installed everywhere but on 32-bit Arm, which gets tflite-runtime and numpy 1."""
    platform = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    lines = map(Requirement, (packed / "requirements.txt").read_text().splitlines())
    chosen = [line for line in lines if line.marker is None or line.marker.evaluate(platform)]
    assert [f"{line.name}{line.specifier}" for line in chosen] == expected
