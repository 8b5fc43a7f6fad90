"""A service manager's end of NOTIFY_SOCKET, for tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_PATIENCE_S = 120


@dataclass(frozen=True)
class ServiceManager:
    """A datagram socket that a service sends its states to."""

    address: str  # as in NOTIFY_SOCKET
    socket: socket.socket

    def received(self) -> list[str]:
        """The states in the next datagram, which is waited for."""
        self.socket.settimeout(_PATIENCE_S)
        return self.socket.recv(4_096).decode().split("\n")

    def waiting(self) -> list[str]:
        """The states that are there, without waiting."""
        self.socket.setblocking(False)
        states: list[str] = []
        while True:
            try:
                states += self.socket.recv(4_096).decode().split("\n")
            except BlockingIOError:
                return states


@contextmanager
def service_manager(address: str) -> Iterator[ServiceManager]:
    """Listens at an address, a path or an abstract name that begins with @, until the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        yield ServiceManager(address, listening)
