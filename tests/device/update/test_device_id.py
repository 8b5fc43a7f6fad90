"""Tests of the id by which a device takes part in roll-outs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device.update.device_id import device_id
from device.update.home import Home


def test_a_given_name_is_hashed(tmp_path: Path) -> None:
    """The name itself is not in the id."""
    assert device_id(Home(tmp_path), "kitchen") == "3171d89ad00530ffa19a244f040e9401"


def test_the_machines_id_is_hashed_as_systemd_does(tmp_path: Path) -> None:
    """`systemd-id128 machine-id --app-specific` prints the same of this machine's id."""
    (tmp_path / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    assert device_id(Home(tmp_path), None, tmp_path / "machine-id") == "88604bf480e840cc842cca7db768d405"
    assert not (tmp_path / "device.json").exists()


@pytest.mark.parametrize("content", [None, "", "uninitialized\n"])
def test_a_device_without_either_makes_an_id_once(tmp_path: Path, content: str | None) -> None:
    """Images are delivered without the id of a machine; two devices make two ids, and each keeps its own."""
    if content is not None:
        (tmp_path / "machine-id").write_text(content)
    first, second = (device_id(Home(tmp_path / name), None, tmp_path / "machine-id") for name in ("a", "b"))
    assert first != second
    assert device_id(Home(tmp_path / "a"), None, tmp_path / "machine-id") == first
    assert json.loads((tmp_path / "a" / "device.json").read_text()) == {"device": first}


def test_a_damaged_id_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "device.json").write_text('{"device": "x"}')
    with pytest.raises(ValueError, match=r"device\.json: device: Expected a device's id of 32 hexadecimal digits"):
        device_id(Home(tmp_path), None, tmp_path / "none")
