"""Tests of `pipeline.signing.rotate`: a device follows new roots, and takes nothing by the keys before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from pipeline.signing.rotate import rotate
from tests.device.update.test_attacks import Fleet
from tests.support.commands import pipeline


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with two of three keys of the root, of which two must sign."""
    make_keys(tmp_path / "keys", RootKeys(3, 2, development=False))
    (tmp_path / "keys" / "root-3.pem").unlink()
    return tmp_path / "keys"


@pytest.mark.slow
def test_a_device_follows_several_rotations_at_once(tmp_path: Path) -> None:
    """Keys of targets and timestamp and a lost one of the root are replaced; who has the earlier ones signs nothing."""
    fleet = Fleet(tmp_path, root_keys=3, threshold=2)
    shutil.copytree(fleet.keys, tmp_path / "stolen")
    (fleet.keys / "root-3.pem").unlink()
    assert [rotate(fleet.keys, name).name for name in ("targets", "root-3", "timestamp")] == [
        *("2.root.json", "3.root.json", "4.root.json")
    ]
    fleet.publish("0.2.0")
    assert fleet.install() == 0
    after = fleet.current()
    assert after != fleet.before
    publish(fleet.release("0.3.0"), tmp_path / "stolen", fleet.repo, 90)
    assert fleet.install() == 1
    assert fleet.current() == after


def test_the_new_key_of_the_root_signs_the_next_rotation(keys: Path) -> None:
    """Once the lost key is replaced, another one may be missing."""
    rotate(keys, "root-3")
    (keys / "root-1.pem").unlink()
    assert rotate(keys, "targets").name == "3.root.json"
    assert {path.stat().st_mode & 0o777 for path in keys.glob("*.pem")} == {0o600}
    assert not list(keys.glob("*.new.pem"))


def test_too_few_keys_of_the_root_change_nothing(keys: Path) -> None:
    """With one of two keys that must sign, no root and no key is written."""
    (keys / "root-2.pem").unlink()
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    with pytest.raises(ValueError, match=r"Expected 2 of the root's keys, as root-1\.pem\. Found too few"):
        rotate(keys, "targets")
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before


def test_a_key_that_is_not_there_is_refused(keys: Path, tmp_path: Path) -> None:
    """The error names the keys that there are."""
    child = pipeline(tmp_path, "rotate", str(keys), "root-4")
    assert child.returncode == 2
    expected = "Expected a key among root-1, root-2, root-3, targets, snapshot, timestamp. Received: root-4"
    assert child.stderr == f"error: {expected}\n"
