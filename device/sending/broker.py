"""Where an MQTT broker is, and under which topic readings are published there; needs only the standard library."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.%]+)\]|(?P<name>[^\s:\[\]/@]+))(?::(?P<port>[0-9]{1,5}))?(?:/(?P<topic>[A-Za-z0-9_-]{1,64}))?"
)
_PORT, _TOPIC = 1883, "rowstream"
# The port that is registered for MQTT over TLS.
_TLS_PORT = 8883


@dataclass(frozen=True)
class Broker:
    """A broker's host and port, and the topic of one device, which no other device of the broker uses."""

    host: str
    port: int = _PORT
    topic: str = _TOPIC

    def __post_init__(self) -> None:
        if not 0 < self.port <= 65_535:
            raise ValueError(f"Expected a port of 1 to 65535. Received: {self.port}")

    @classmethod
    def parse(cls, text: str) -> Broker:
        """Returns the broker of HOST, HOST:PORT, HOST/TOPIC or HOST:PORT/TOPIC; else raises ValueError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"Expected HOST[:PORT][/TOPIC], such as 192.168.1.5 or pi:1883/cellar. Received: {text}")
        return cls(found["ipv6"] or found["name"], int(found["port"] or _PORT), found["topic"] or _TOPIC)

    @property
    def uses_tls(self) -> bool:
        return self.port == _TLS_PORT

    @property
    def availability(self) -> str:
        """The topic that says whether the device is `online` or `offline`."""
        return f"{self.topic}/availability"

    @property
    def reports(self) -> str:
        """The topic of the device's reports of its releases."""
        return f"{self.topic}/release"

    def state(self, field: str) -> str:
        """Returns the topic of a field's readings."""
        return f"{self.topic}/{field}/state"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
