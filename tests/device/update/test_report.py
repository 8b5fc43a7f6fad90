"""Tests of what a device reports of its releases, and of how it is sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from device.__main__ import main
from device.files.typed_json import parsed
from device.update.home import Home
from device.update.report import Report, reports_of
from device.update.rollback import roll_back
from device.update.trial import GOOD_READINGS, Start, put_on_trial
from pipeline.signing.repository import SignedRelease, publish
from tests.conftest import MODELS
from tests.device.update.test_attacks import Fleet
from tests.support.mosquitto import broker, free_port, installed, subscribed, until
from tests.support.posted import Taking, taking

DEVICE = "0" * 32
FIRST, SECOND = "a" * 64, "b" * 64
LINE = {
    "device": DEVICE,
    "release": FIRST,
    "name": "rowstream-rows",
    "version": "0.1.0",
    "state": "good",
    "time": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A device with a good release that got another one, both without their model."""
    home = Home(tmp_path)
    for name in (FIRST, SECOND):
        (home.releases / name).mkdir(parents=True)
        shutil.copy(MODELS / "rows" / "manifest.json", home.releases / name)
    home.switch(FIRST)
    put_on_trial(home, SECOND)
    return home


def states(home: Home) -> list[tuple[str, str, str | None]]:
    return [(report.release, report.state, report.version) for report in reports_of(home, DEVICE)]


def read_with(start: Start) -> None:
    for _ in range(GOOD_READINGS):
        start.count_reading()
    start.end()


def test_a_release_is_on_trial_and_then_good(home: Home) -> None:
    """After ten readings the current release is good."""
    assert states(home) == [(SECOND, "trial", "0.1.0")]
    read_with(Start(home))
    assert states(home) == [(SECOND, "good", "0.1.0")]


def test_a_release_that_failed_is_reported_before_the_current_one(home: Home) -> None:
    """It has no version once its files are gone."""
    assert [Start(home).release for _ in range(4)] == [SECOND, SECOND, SECOND, FIRST]
    assert states(home) == [(SECOND, "failed", "0.1.0"), (FIRST, "good", "0.1.0")]
    home.prune()
    assert states(home) == [(SECOND, "failed", None), (FIRST, "good", "0.1.0")]


def test_a_release_that_was_left_by_hand_is_rolled_back_until_it_is_current_again(home: Home) -> None:
    """`rollback` leaves a release that may have been good."""
    read_with(Start(home))
    roll_back(home, lambda *_: None)
    assert states(home) == [(SECOND, "rolled back", "0.1.0"), (FIRST, "good", "0.1.0")]
    put_on_trial(home, SECOND)
    assert states(home) == [(SECOND, "trial", "0.1.0")]


def test_a_device_without_a_release_reports_nothing(tmp_path: Path) -> None:
    """Before the first installation there is nothing to send."""
    assert reports_of(Home(tmp_path), DEVICE) == ()
    with taking(Taking(200)) as url:
        assert main(["status", "--home", str(tmp_path / "new"), "--post", url]) == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"device": "kitchen"}, "Expected a device's id"),
        ({"release": "0.1.0"}, "Expected a release's SHA-256"),
        ({"state": "bad"}, "Expected one of"),
        ({"time": "2026-01-01T00:00:00"}, "Expected a time with an offset"),
        ({"time": "today"}, "Invalid isoformat string"),
    ],
)
def test_what_is_no_report_is_refused(changed: dict[str, Any], expected: str) -> None:
    """A collector may have been sent anything."""
    assert parsed(Report, LINE, "line").version == "0.1.0"
    with pytest.raises(ValueError, match=expected):
        parsed(Report, LINE | changed, "line")


def test_status_posts_what_runs(home: Home) -> None:
    """The body is the report; a server that refuses it is an error with status 2."""
    taken = Taking(200, 400)
    with taking(taken) as url:
        arguments = ["status", "--home", str(home.path), "--device-id", "kitchen", "--post", url]
        assert main(arguments) == 0
        assert main(arguments) == 2
    body = taken.bodies[0][1]
    assert (body["release"], body["state"], len(body["device"])) == (SECOND, "trial", 32)
    assert parsed(Report, body, "body").name == "rowstream-rows"


def test_status_publishes_what_runs(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The topic is the device's own, whose availability stays as it is; a broker that is away is status 2."""
    installed()
    port = free_port()
    arguments = ["status", "--home", str(home.path), "--mqtt", f"127.0.0.1:{port}/cellar"]
    assert main(arguments) == 2
    assert f"error: MQTT broker 127.0.0.1:{port}: " in capsys.readouterr().err
    with broker(tmp_path, port), subscribed(port) as received:
        # Until the broker knows the subscription.
        until(lambda: main(arguments) == 0 and "cellar/release" in received.latest)
    assert set(received.latest) == {"cellar/release"}
    assert parsed(Report, json.loads(received.latest["cellar/release"]), "payload").state == "trial"


@pytest.mark.slow
def test_install_posts_a_release_that_fails_its_self_test(tmp_path: Path) -> None:
    """It is `failed` although it never was current; the current one follows."""
    fleet = Fleet(tmp_path)
    release, taken = fleet.release("0.2.0"), Taking(200)
    golden = (MODELS / "cols2d" / "golden.bin").read_bytes()
    files = {**release.files, "golden.bin": golden}
    publish(SignedRelease(files, release.record), fleet.keys, fleet.repo, 90)
    with taking(taken) as url:
        assert main(["install", fleet.source, "--home", str(fleet.home), "--post", url]) == 1
    reported = [(body["version"], body["state"]) for _, body in taken.bodies]
    assert reported == [("0.2.0", "failed"), ("0.1.0", "trial")]
    assert taken.bodies[1][1]["release"] == fleet.before
