"""Tests of the trial of a release: when it is good, and what brings back the one before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device.__main__ import main
from device.update.home import Home
from device.update.trial import Start, Trial, put_on_trial, trial_of
from tests.device.update.test_attacks import Fleet


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A device with the good release `a` that got the release `b`."""
    for name in ("a", "b"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    home = Home(tmp_path)
    home.switch("a")
    put_on_trial(home, "b")
    return home


def test_a_release_is_good_after_ten_readings(home: Home) -> None:
    """The tenth reading ends the trial; those of an earlier start that ended as it should count."""
    first = Start(home)
    for _ in range(4):
        first.count_reading()
    first.end()
    assert trial_of(home) == Trial("b", failed_starts=0, readings=4)
    second = Start(home)
    for _ in range(5):
        second.count_reading()
    assert trial_of(home) is not None
    second.count_reading()
    assert trial_of(home) is None
    assert not home.trial("b").exists()


def test_three_failed_starts_bring_back_the_release_before(home: Home) -> None:
    """The fourth start is with the earlier release; the later one is remembered as bad, and is not what is gone to."""
    assert [Start(home).release for _ in range(5)] == ["b", "b", "b", "a", "a"]
    assert json.loads(home.bad.read_text()) == {"releases": ["b"]}
    assert trial_of(home) is None
    assert main(["rollback", "--home", str(home.path)]) == 1


def test_a_start_that_ended_as_it_should_has_not_failed(home: Home) -> None:
    """Many short runs do not bring back the release before."""
    for _ in range(5):
        start = Start(home)
        assert start.release == "b"
        start.end()
    assert trial_of(home) == Trial("b", failed_starts=0, readings=0)


def test_the_only_release_stays(tmp_path: Path) -> None:
    """Without a release before it there is none to go back to, so it is started again."""
    (tmp_path / "releases" / "a").mkdir(parents=True)
    home = Home(tmp_path)
    put_on_trial(home, "a")
    assert [Start(home).release for _ in range(5)] == ["a"] * 5


def test_a_newer_release_has_a_trial_of_its_own(home: Home) -> None:
    """A start with an earlier release neither ends the trial of a later one nor counts in it."""
    before = Start(home)
    (home.releases / "c").mkdir()
    put_on_trial(home, "c")
    for _ in range(10):
        before.count_reading()
    before.end()
    assert trial_of(home) == Trial("c", failed_starts=0, readings=0)


def test_a_home_without_a_release_is_refused(tmp_path: Path) -> None:
    """There is nothing to start with."""
    (tmp_path / "releases").mkdir()
    with pytest.raises(FileNotFoundError, match="Expected an installed release"):
        Start(Home(tmp_path))


@pytest.mark.slow
def test_a_bad_release_is_not_installed_again_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What failed three times here is refused; asked to, the device tries it again."""
    fleet = Fleet(tmp_path)
    fleet.publish("0.2.0")
    assert fleet.install() == 0
    bad = fleet.current()
    home = Home(fleet.home)
    assert [Start(home).release for _ in range(4)][-1] == fleet.before
    capsys.readouterr()
    assert fleet.install() == 1
    assert (
        capsys.readouterr().out
        == "refused: rowstream-rows2d 0.2.0 failed on this device before: --allow-bad tries it again\n"
    )
    assert fleet.current() == fleet.before
    assert main(["install", fleet.source, "--home", str(fleet.home), "--allow-bad"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["release"], line["state"], line["good"]) == (bad, "current", False)
