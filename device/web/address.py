"""The address that the server listens at, and the socket there; needs only the standard library."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

_LOOPBACK = "127.0.0.1"
_FORM = re.compile(r"(?:(?:\[(?P<ipv6>[0-9A-Fa-f:.%]+)\]|(?P<name>[^\s:\[\]/@]*)):)?(?P<port>[0-9]{1,5})")
_BACKLOG = 128
# Small, so that a slow viewer does not get old states from the buffer.
_SEND_BUFFER_BYTES = 2**17


@dataclass(frozen=True)
class Address:
    """A host name or IP address, and a port; port 0 stands for any free port."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not self.host or not 0 <= self.port <= 65_535:
            raise ValueError(f"Expected a host and a port of 0 to 65535. Received: {self.host!r}, {self.port}")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Returns the address of HOST:PORT, [IPV6]:PORT, or PORT on the loopback address; else raises ValueError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"Expected HOST:PORT, such as 127.0.0.1:8080. Received: {text}")
        return cls(found["ipv6"] or found["name"] or _LOOPBACK, int(found["port"]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(address: Address) -> tuple[socket.socket, Address]:
    """Returns a socket that listens at an address, and the address with its actual port; else raises OSError."""
    try:
        family, kind, protocol, _, resolved = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(f"{address}: Expected an address of this machine. {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        listener.bind(resolved)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(f"{address}: Expected an address to listen at. {error.strerror}") from error
    return listener, Address(address.host, listener.getsockname()[1])
