"""Tests of what a signed release says of itself, and of who may sign it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError

from device.__main__ import main
from device.update.fetching import FolderFetcher
from device.update.release import read_record
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from tests.conftest import ROOT
from tests.device.update.test_attacks import Fleet


@pytest.mark.parametrize("model", ["../m.tflite", "/m.tflite", ".m.tflite", "manifest.json"])
def test_a_name_that_leads_out_of_the_folder_is_refused(model: str) -> None:
    """A signed name of the model that is a path, or no .tflite file, is refused."""
    devices = {"processors": [], "runtimes": [], "permille": 1000, "answers": []}
    with pytest.raises(ValueError, match=r"Expected the name of a \.tflite file"):
        read_record({"name": "m", "version": "1.0.0", "manifest_format": 3, "model": model, **devices})


def test_a_folder_is_not_left(tmp_path: Path) -> None:
    """A path with `..` in it is not fetched from a folder."""
    with pytest.raises(DownloadError):
        FolderFetcher(tmp_path).download_bytes("folder:///../outside", 10)


def test_development_keys_are_refused_unless_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A device takes what development keys signed only if it is asked to, and keeps no such root otherwise."""
    root = make_keys(tmp_path / "development", RootKeys(1, 1, development=True))
    fleet = Fleet(tmp_path)
    publish(fleet.release("0.1.0"), root.parent, tmp_path / "own", 90)
    arguments = ["install", str(tmp_path / "own"), "--home", str(tmp_path / "new"), "--root", str(root)]
    assert main(arguments) == 1
    assert "development keys" in capsys.readouterr().out
    assert not (tmp_path / "new" / "root.json").exists()
    assert main([*arguments, "--allow-development-keys"]) == 0


def test_keys_are_private_and_never_in_a_checkout(tmp_path: Path) -> None:
    """Private keys have mode 0600, and a folder in a git checkout is refused."""
    make_keys(tmp_path / "keys", RootKeys(3, 2, development=False))
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").glob("*.pem")} == {0o600}
    with pytest.raises(ValueError, match="outside a git checkout"):
        make_keys(ROOT / "build" / "keys", RootKeys(1, 1, development=False))
