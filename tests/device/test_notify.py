"""Tests of `device.notify`, with a real socket at the other end."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from device.notify import ALIVE, READY, STOPPING, notify
from tests.support.service_manager import service_manager


@pytest.mark.parametrize("name", ["path", "abstract"])
def test_states_arrive_in_one_datagram(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """States are sent together to a socket with a path or an abstract name, as sd_notify(3) says."""
    address = str(tmp_path / "notify") if name == "path" else f"@rowstream-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with service_manager(address) as manager:
        notify(READY, ALIVE)
        notify(STOPPING)
        assert manager.received() == ["READY=1", "WATCHDOG=1"]
        assert manager.received() == ["STOPPING=1"]


@pytest.mark.parametrize("address", [None, ""])
def test_without_a_manager_nothing_is_sent(
    address: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no service manager started the command, nothing happens."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify(READY)
    assert caplog.records == []


def test_a_manager_that_is_gone_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A manager that cannot be reached does not end the service."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with caplog.at_level(logging.WARNING):
        notify(ALIVE)
    assert caplog.messages == [f"NOTIFY_SOCKET {tmp_path}/gone: [Errno 2] No such file or directory"]


def test_a_manager_that_reads_nothing_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full socket loses states instead of holding up the frames."""
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with service_manager(address) as manager:
        for _ in range(2_000):
            notify(ALIVE)
        assert set(manager.waiting()) == {"WATCHDOG=1"}
