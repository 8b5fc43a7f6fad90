"""Tests of `pipeline.signing.development`: a user's own keys, made once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from pipeline.signing.development import development_keys


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, which is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def test_keys_are_made_once_in_the_users_data_folder(data: Path) -> None:
    """The second use gets the keys of the first, marked for development, which only the user can read."""
    folder = development_keys()
    assert folder == data / "rowstream" / "development-keys"
    keys = {path.name: path.read_bytes() for path in folder.glob("*.pem")}
    assert keys.keys() == {"root-1.pem", "snapshot.pem", "targets.pem", "timestamp.pem"}
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.pem")} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    root = Metadata[Root].from_file(str(folder / "1.root.json")).signed
    assert root.unrecognized_fields == {"x-rowstream-development": True}
    assert development_keys() == folder
    assert {path.name: path.read_bytes() for path in folder.glob("*.pem")} == keys


def test_what_a_killed_process_left_is_not_used(data: Path) -> None:
    """Half a set of keys is made again as a whole."""
    half = data / "rowstream" / ".development-keys.unfinished"
    half.mkdir(parents=True)
    (half / "root-1.pem").write_text("half")
    assert (development_keys() / "root-1.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert not half.exists()


def test_a_data_folder_in_a_checkout_is_refused(data: Path) -> None:
    """Keys that a commit might take are not made."""
    subprocess.run([str(shutil.which("git")), "init", "--quiet", str(data.parent)], check=True)
    with pytest.raises(ValueError, match="Expected a folder outside a git checkout"):
        development_keys()
    assert not list(data.rglob("*.pem"))
