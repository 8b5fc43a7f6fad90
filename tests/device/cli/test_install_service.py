"""Tests of `install-service`: the unit that it writes, what it refuses, and what systemd says of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MODELS, ROOT, run_python

MODEL = ("--model", str(MODELS / "rows2d"))
SYSTEMD = shutil.which("systemd-analyze")
# Exposure in tenths, from 0 to 100: networking, and everything that a camera needs, is what is left.
EXPOSURE_MAX = "20"
ELSEWHERE = "Expected {} below /var/lib/rowstream, where alone the service may write"


def installed(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run_python("-m", "device", "install-service", *arguments, folder=folder)


def unit(*arguments: str | Path) -> list[str]:
    """Returns the lines of the unit for a command."""
    child = installed("--output", "-", *arguments, *MODEL)
    assert child.returncode == 0, child.stderr
    return child.stdout.splitlines()


def refused(*arguments: str | Path) -> str:
    """Returns the last line on stderr of a command that is refused."""
    child = installed("--output", "-", *arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert "Traceback" not in child.stderr
    return child.stderr.splitlines()[-1].removeprefix("error: ")


def test_unit_runs_the_command_with_a_watchdog() -> None:
    """The unit runs this Python with the command, is ready by notification, and is started again on failure."""
    lines = unit("watch", "0", "--stable", "3")
    command = f"{sys.executable} -m device watch 0 --stable 3 --model {MODELS / 'rows2d'}"
    assert lines[0] == "# python -m device install-service of rowstream 0.1.0 wrote this."
    assert {
        *("Type=notify", f"ExecStart={command}", f"WorkingDirectory={ROOT}", "WatchdogSec=60", "TimeoutStartSec=150"),
        *("Restart=on-failure", "DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes"),
        *("DevicePolicy=closed", "DeviceAllow=char-video4linux rw", "WantedBy=multi-user.target"),
    } <= {*lines}


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["watch", "0", "--interval", "30"], "WatchdogSec=90"),
        (["watch", "0", "--interval", "5"], "WatchdogSec=60"),
        (["--watchdog", "7.5", "watch", "0", "--interval", "5"], "WatchdogSec=7.5"),
        (["watch", "/dev/v4l/by-id/usb"], "DeviceAllow=char-video4linux rw"),
        (["watch", "picamera2"], "DeviceAllow=char-dma_heap rw"),
        (["watch", "rtsp://camera.local/"], "PrivateDevices=yes"),
        (["serve"], "PrivateDevices=yes"),
        (["--", "serve", "8001", "--source", "0"], "WatchdogSec=60"),
        (["watch", "0", "--keep-unsure", "/var/lib/rowstream/unsure"], "StateDirectory=rowstream"),
    ],
)
def test_unit_depends_on_the_command(arguments: list[str], expected: str) -> None:
    """Watchdog and devices are those that the command needs."""
    assert expected in unit(*arguments)


def test_a_page_without_a_source_has_no_watchdog() -> None:
    """Where no frame is read, none is waited for."""
    assert not [line for line in unit("serve") if line.startswith("WatchdogSec")]


def test_arguments_reach_the_command_as_they_were_typed() -> None:
    """Blanks, quotes, %, $ and backslashes are written so that systemd hands them on as they are."""
    (line,) = [each for each in unit("watch", 'rtsp://a/b c?"%$\\') if each.startswith("ExecStart=")]
    assert '"rtsp://a/b c?\\"%%$$\\\\"' in line


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Expected the command that the service runs, watch or serve. Received: none"),
        (
            ["classify", "a.npy"],
            "Expected the command that the service runs, watch or serve. Received: classify a.npy",
        ),
        (["watch", "0", "--intervall", "3"], "python -m device: error: unrecognized arguments: --intervall 3"),
        (["watch", "0", "--stable", "0"], "Expected --stable of at least 1. Received: 0"),
        (
            ["watch", "docs/seven.png"],
            "Expected a camera or an rtsp or http address, which have no end. Received: docs/seven.png",
        ),
        (
            ["watch", "-", "--raw-size", "64x64"],
            "Expected a camera or an rtsp or http address, which have no end. Received: -",
        ),
        (
            ["watch", "0", "--show"],
            "Expected a command without --show, because a service has no screen. Received: --show",
        ),
        (
            ["--watchdog", "5", "watch", "0", "--interval", "5"],
            "Expected --watchdog above --interval, 5, and up to 604800 seconds. Received: 5",
        ),
        (["--watchdog", "5", "serve"], "Expected --watchdog with a source to watch. Received: a page to draw on"),
        (
            ["serve", "80"],
            "Expected a port of 1024 or more, because the service has no privileges. Received: 80",
        ),
        (
            ["watch", "0", "--record", "out.mp4"],
            f"{ELSEWHERE.format('--record')}. Received: out.mp4",
        ),
        (
            ["watch", "0", "--keep-unsure", "/var/lib/rowstream/../unsure"],
            f"{ELSEWHERE.format('--keep-unsure')}. Received: /var/lib/rowstream/../unsure",
        ),
        (
            ["--output", "rowstream", "watch", "0"],
            "Expected --output of a file NAME.service, or -. Received: rowstream",
        ),
        (
            ["--output", "a@b.service", "watch", "0"],
            "Expected --output of a file NAME.service, or -. Received: a@b.service",
        ),
    ],
)
def test_what_would_not_run_as_a_service_is_refused(arguments: list[str], message: str) -> None:
    """A mistake in the command or in the options is refused before a unit is written."""
    assert refused(*arguments) == message


def test_unit_is_written_under_its_name(tmp_path: Path) -> None:
    """The service has the name of the unit's file, and with it its own folder."""
    child = installed("--output", tmp_path / "meter.service", "watch", "0", *MODEL)
    assert (child.returncode, child.stdout) == (0, f"{tmp_path}/meter.service\n")
    assert "start it: systemctl daemon-reload && systemctl enable --now meter" in child.stderr
    assert "StateDirectory=meter\n" in (tmp_path / "meter.service").read_text()
    assert (tmp_path / "meter.service").stat().st_mode & 0o777 == 0o644


def test_nothing_is_written_for_a_command_that_is_refused(tmp_path: Path) -> None:
    """A typo leaves no unit behind."""
    child = installed("--output", tmp_path / "meter.service", "watch", "0", "--onne")
    assert child.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_service_may_not_enter_is_a_warning(model_copy: Path) -> None:
    """The service has a user of its own, so a closed folder on the way to the model is named."""
    model_copy.chmod(0o700)
    child = installed("--output", "-", "watch", "0", "--model", model_copy)
    assert child.returncode == 0
    expected = f"warning: the service has a user of its own, who may not enter {model_copy}: chmod o+x {model_copy}"
    assert expected in child.stderr


@pytest.fixture
def analysed(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Writes a command's unit and hands it to systemd-analyze."""
    if SYSTEMD is None:
        pytest.skip("systemd-analyze, of Debian's package systemd, is not installed")

    def analyse(command: list[str], *analysis: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "rowstream.service"
        path.write_text("\n".join(unit(*command)) + "\n")
        return subprocess.run([SYSTEMD, *analysis, path], capture_output=True, text=True, check=False)

    return analyse


COMMANDS = [["watch", "0"], ["watch", "picamera2"], ["watch", 'rtsp://a/b "%$'], ["serve"], ["serve", "--source", "0"]]


@pytest.mark.sampled
@pytest.mark.parametrize("command", COMMANDS)
def test_systemd_finds_no_fault_in_the_unit(
    command: list[str], analysed: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`systemd-analyze verify` has nothing to say of the unit."""
    child = analysed(command, "verify")
    assert (child.returncode, child.stdout, child.stderr) == (0, "", "")


@pytest.mark.sampled
@pytest.mark.parametrize("command", COMMANDS)
def test_the_service_is_exposed_to_little(
    command: list[str], analysed: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`systemd-analyze security` gives at most 2.0 of 10."""
    child = analysed(command, "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_MAX}")
    assert child.returncode == 0, child.stdout


def test_releases_are_where_the_service_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home elsewhere is refused, and one that only the environment names, which the service has not."""
    (tmp_path / "current").symlink_to(MODELS / "rows2d")
    expected = "Expected --home in /var/lib/rowstream, where alone the service may write"
    assert refused("watch", "0", "--home", tmp_path) == f"{expected}. Received: {tmp_path}"
    monkeypatch.setenv("ROWSTREAM_HOME", str(tmp_path))
    assert refused("watch", "0") == "Expected --home in the command, because the service has another environment"
