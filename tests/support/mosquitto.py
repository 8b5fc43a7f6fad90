"""An MQTT broker in a child process, for tests; they are skipped where mosquitto or paho-mqtt is not installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PATIENCE_S = 60


def installed() -> str:
    """Returns where mosquitto is; skips the test where it is not installed."""
    pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("mosquitto is not installed")
    return found


def free_port() -> int:
    """Returns a port at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def broker(folder: Path, port: int, password: str | None = None) -> Iterator[int]:
    """Runs a broker on this machine, which remembers nothing, until the end; gives its port."""
    command = installed()
    lines = [f"listener {port} 127.0.0.1", "persistence false"]
    if password is None:
        lines.append("allow_anonymous true")
    else:
        passwords = folder / "passwords"
        tool = [str(shutil.which("mosquitto_passwd")), "-b", "-c", str(passwords), "meter", password]
        subprocess.run(tool, check=True, capture_output=True)
        passwords.chmod(0o600)
        lines += ["allow_anonymous false", f"password_file {passwords}", f"user {passwords.owner()}"]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    started = [command, "-c", str(folder / "mosquitto.conf")]
    with subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: _answers(port))
            yield port
        finally:
            process.kill()


@dataclass
class Subscriber:
    """What a client of a broker has received: the latest payload of each topic, and all in their order."""

    latest: dict[str, str] = field(default_factory=dict)
    all: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def subscribed(port: int, user: str | None = None, password: str | None = None) -> Iterator[Subscriber]:
    """Receives everything that is published at a broker."""
    from paho.mqtt.client import Client  # noqa: PLC0415  # it may be missing
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415  # the same

    received = Subscriber()
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)

    def subscribe(*_: object) -> None:
        client.subscribe("#")

    def take(_client: object, _data: object, message: object) -> None:
        topic, payload = str(message.topic), message.payload.decode()  # type: ignore[attr-defined]  # paho's own class
        received.latest[topic] = payload
        received.all.append((topic, payload))

    client.on_connect, client.on_message = subscribe, take
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield received
    finally:
        client.disconnect()
        client.loop_stop()


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
