"""Tests of `device.sending.broker`: where a broker is."""

from __future__ import annotations

import pytest

from device.sending.broker import Broker


@pytest.mark.parametrize(
    ("text", "broker", "shown"),
    [
        ("pi.local", Broker("pi.local", 1883, "rowstream"), "pi.local:1883"),
        ("192.168.1.5:8883", Broker("192.168.1.5", 8883, "rowstream"), "192.168.1.5:8883"),
        ("pi/cellar", Broker("pi", 1883, "cellar"), "pi:1883"),
        ("[::1]:1884/attic-2", Broker("::1", 1884, "attic-2"), "[::1]:1884"),
    ],
)
def test_a_broker_is_a_host_a_port_and_a_topic(text: str, broker: Broker, shown: str) -> None:
    """Without a port it is 1883, without a topic rowstream; an IPv6 address has brackets."""
    assert Broker.parse(text) == broker
    assert str(broker) == shown


@pytest.mark.parametrize("text", ["", ":1883", "pi:0", "pi:65536", "pi:port", "mqtt://pi", "me@pi", "pi/a/b", "pi/#"])
def test_another_text_is_refused(text: str) -> None:
    """A URL, a user, a port that does not exist, or a topic with levels or wildcards is no broker."""
    with pytest.raises(ValueError, match="Expected "):
        Broker.parse(text)


def test_topics_and_tls() -> None:
    """Fields and the availability have topics of their own, and the port 8883 means TLS."""
    broker = Broker("pi", 8883, "cellar")
    assert (broker.state("availability"), broker.availability) == ("cellar/availability/state", "cellar/availability")
    assert (broker.uses_tls, Broker("pi").uses_tls) == (True, False)
