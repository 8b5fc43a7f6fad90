"""Tests of releases for a share of the devices: who takes them, and what the others do."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.__main__ import main
from device.update.home import Home
from device.update.refused import NotYetError
from device.update.release import ReleaseRecord, read_record
from device.update.roll_out import RollOut, is_within
from pipeline.signing.repository import publish
from pipeline.signing.share import published, set_share
from tests.device.update.test_attacks import Fleet

DEVICES = tuple(f"{number:032x}" for number in range(10_000))
RECORD = ReleaseRecord("m", "1.0.0", 3, "m.tflite", (), ("ai-edge-litert",), permille=0, answers=())
HEX = "0123456789abcdef"


@settings(deadline=None)
@given(
    device=st.text(HEX, min_size=32, max_size=32),
    release=st.text(HEX, min_size=64, max_size=64),
    shares=st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)),
)
def test_who_is_within_a_share_is_within_each_larger_one(device: str, release: str, shares: tuple[int, int]) -> None:
    """A share that is raised takes no device out; all devices are within 100 %, and none within 0."""
    assert is_within(min(shares), device, release) <= is_within(max(shares), device, release)
    assert is_within(1_000, device, release)
    assert not is_within(0, device, release)


def test_a_share_has_as_many_devices_as_it_says_and_others_of_each_release() -> None:
    """Of 10,000 devices 5 % are within 5 %, and of these 5 % are among the first of the next release as well."""
    first = [each for each in DEVICES if is_within(50, each, "a" * 64)]
    assert len(first) == pytest.approx(500, abs=66)
    assert len([each for each in first if is_within(50, each, "b" * 64)]) == pytest.approx(25, abs=15)


def test_a_device_outside_the_share_is_told_so_unless_it_takes_releases_at_once() -> None:
    """The message names the release and the share."""
    with pytest.raises(
        NotYetError, match=r"m 1\.0\.0 is for 0 % of the devices so far, not for this one: --now takes it"
    ):
        RollOut(DEVICES[0]).check(RECORD, "a" * 64)
    RollOut(DEVICES[0], at_once=True).check(RECORD, "a" * 64)
    RollOut(DEVICES[0]).check(dataclasses.replace(RECORD, permille=1_000), "a" * 64)


@pytest.mark.parametrize("permille", [-1, 1_001])
def test_a_share_beyond_all_devices_is_refused(permille: int) -> None:
    """What is signed may be wrong, too."""
    custom = json.loads(json.dumps(dataclasses.asdict(RECORD))) | {"permille": permille}
    with pytest.raises(ValueError, match=r"Expected a share in 0\.\.1000 permille"):
        read_record(custom)


@pytest.mark.slow
def test_a_device_waits_for_its_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It keeps its release with status 0 until the share is raised; `--now` takes the newest at once."""
    fleet = Fleet(tmp_path)
    release = fleet.release("0.2.0")
    record = dataclasses.replace(release.record, permille=0)
    publish(dataclasses.replace(release, record=record), fleet.keys, fleet.repo, 90)
    capsys.readouterr()
    assert fleet.install() == 0
    said = "not yet: rowstream-rows2d 0.2.0 is for 0 % of the devices so far, not for this one: --now takes it"
    assert capsys.readouterr().out.splitlines()[0] == said
    assert fleet.current() == fleet.before
    assert main(["install", fleet.source, "--home", str(tmp_path / "new"), "--root", str(fleet.root)]) == 1
    assert main(["install", fleet.source, "--home", str(fleet.home), "--now"]) == 0
    assert fleet.current() == published(fleet.repo).release
    assert main(["rollback", "--home", str(fleet.home)]) == 0
    set_share(fleet.repo, published(fleet.repo), 1_000, fleet.keys, 90)
    assert fleet.install() == 0
    assert Home(fleet.home).linked(fleet.home / "current") == published(fleet.repo).release != fleet.before
