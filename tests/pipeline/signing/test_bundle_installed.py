"""Tests of `python -m pipeline bundle` and what a device makes of its repository."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from device.__main__ import main as device
from pipeline.__main__ import main as pipeline
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.signing.keys import RootKeys, make_keys
from tests.conftest import MODELS, Digits
from tests.support.verdicts import write_verdict

REPOSITORY = Path("dist/repository/rows")
INSTALL = ("install", str(REPOSITORY), "--home", "home", "--root", str(REPOSITORY / "metadata" / "1.root.json"))


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory, with a model that passed the gate."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shutil.copytree(MODELS / "rows", "models/rows")
    shutil.copy(MODELS / "limits.toml", "models")
    write_verdict(ModelFolder(Path("models/rows")), BuildFolder(Path("build/rows")))


@pytest.mark.slow
def test_a_device_takes_development_keys_only_if_allowed(digits: Digits, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused without the option; with it, the device reads with what was bundled."""
    assert pipeline(["bundle", "rows"]) == 0
    line = capsys.readouterr().err.splitlines()[-1]
    folder = Path("data/rowstream/development-keys").resolve()
    marked = "devices refuse what they sign, except with --allow-development-keys"
    assert line == f"Signed with development keys, {folder}: {marked}"
    assert device(INSTALL) == 1
    said = "refused: Expected keys of production. Received a root of development keys, which --allow-development-keys "
    assert capsys.readouterr().out == f"{said}takes\n"
    assert device([*INSTALL, "--allow-development-keys"]) == 0
    np.save("crop.npy", digits[0][40])
    capsys.readouterr()
    assert device(["classify", "crop.npy", "--home", "home"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "1"


@pytest.mark.slow
def test_a_device_takes_the_makers_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """What `--keys` signed needs no option on the device, and no development keys are made."""
    make_keys(Path("keys"), RootKeys(1, 1, development=False))
    assert pipeline(["bundle", "rows", "--keys", "keys"]) == 0
    assert "development" not in capsys.readouterr().err
    assert not Path("data").exists()
    assert device(INSTALL) == 0


def test_the_next_bundle_is_the_next_version_of_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    """The same keys sign again, so a device that follows the repository takes the newer release."""
    for version in (1, 2):
        assert pipeline(["bundle", "rows"]) == 0
        assert f"{REPOSITORY}: rowstream-rows 0.1.0, version {version} of this repository" in capsys.readouterr().out


def test_other_keys_do_not_sign_into_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    """Devices that trust the earlier root would be left behind."""
    make_keys(Path("keys"), RootKeys(1, 1, development=False))
    assert pipeline(["bundle", "rows"]) == 0
    capsys.readouterr()
    assert pipeline(["bundle", "rows", "--keys", "keys"]) == 2
    expected = f"error: {REPOSITORY}: Expected a repository of keys/1.root.json. Received one with another root"
    assert capsys.readouterr().err.splitlines()[-1] == expected


def test_the_repository_has_the_release_and_a_list_of_its_files() -> None:
    """Each file is there under its SHA-256, and in the SPDX list with the hashes that SPDX requires."""
    assert pipeline(["bundle", "rows"]) == 0
    files = {path.name.split(".", 1)[1]: path for path in (REPOSITORY / "targets").iterdir()}
    assert files.keys() == {"LICENSE", "golden.bin", "manifest.json", "model.int8.tflite", "sbom.spdx.json"}
    listed = json.loads(files.pop("sbom.spdx.json").read_text())
    assert listed["spdxVersion"] == "SPDX-2.3"
    assert {each["fileName"]: each["checksums"] for each in listed["files"]} == {
        f"./{name}": [
            {"algorithm": "SHA1", "checksumValue": hashlib.sha1(path.read_bytes()).hexdigest()},  # noqa: S324
            {"algorithm": "SHA256", "checksumValue": path.name.split(".", 1)[0]},
        ]
        for name, path in files.items()
    }
    described = {each["relatedSpdxElement"] for each in listed["relationships"]}
    assert described == {each["SPDXID"] for each in listed["files"]}
    for name in ("golden.bin", "manifest.json", "model.int8.tflite"):
        assert files[name].read_bytes() == (MODELS / "rows" / name).read_bytes()
