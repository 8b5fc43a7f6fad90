"""Tests of `device.web.address`."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from device.web.address import Address, listen


@pytest.mark.parametrize(
    ("text", "expected", "written"),
    [
        ("8080", Address("127.0.0.1", 8080), "127.0.0.1:8080"),
        (":8080", Address("127.0.0.1", 8080), "127.0.0.1:8080"),
        ("localhost:0", Address("localhost", 0), "localhost:0"),
        ("192.168.1.20:80", Address("192.168.1.20", 80), "192.168.1.20:80"),
        ("[::1]:8080", Address("::1", 8080), "[::1]:8080"),
        ("pi.local:65535", Address("pi.local", 65_535), "pi.local:65535"),
    ],
)
def test_an_address_is_read_and_written(text: str, expected: Address, written: str) -> None:
    assert (Address.parse(text), str(expected)) == (expected, written)


@pytest.mark.parametrize(
    "text", ["", "pi.local", "::1:80", "[pi]:80", "http://pi:80", "pi:80/", "pi:-1", "a b:80", "pi:65536"]
)
def test_other_text_than_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expected .* Received: "):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        *(("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("LOCALHOST", True)),
        *(("0.0.0.0", False), ("::", False), ("192.168.1.20", False), ("pi.local", False)),  # noqa: S104  # told apart
    ],
)
def test_addresses_that_only_this_machine_reaches_are_loopback(host: str, is_loopback: bool) -> None:
    assert Address(host, 80).is_loopback is is_loopback


def test_listening_at_port_0_takes_one_that_is_free() -> None:
    listener, address = listen(Address("127.0.0.1", 0))
    with listener, closing(socket.create_connection(("127.0.0.1", address.port))) as asking:
        taken, _ = listener.accept()
        with taken:
            assert asking.getpeername() == ("127.0.0.1", address.port)
    assert address.port > 0


def test_listening_at_another_machines_address_is_refused() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1:0: Expected an address to listen at\. "):
        listen(Address("192.0.2.1", 0))
