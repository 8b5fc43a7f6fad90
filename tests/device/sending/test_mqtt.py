"""Tests of `device.sending.mqtt` with a real broker, mosquitto, in a child process."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from device import __version__
from device.fields.field import Checks, Field
from device.sending.broker import Broker
from tests.support.mosquitto import broker, free_port, installed, subscribed, until

FIELDS = (
    Field("gas", (0, 0, 9, 9), unit="m³", checks=Checks(never_falls=True)),
    Field("power", (0, 0, 9, 9)),
)


@pytest.fixture(autouse=True)
def _needs_mosquitto() -> None:
    """Skips these tests where mosquitto or paho-mqtt is not installed."""
    installed()


def test_readings_and_sensors_are_published_and_kept(tmp_path: Path) -> None:
    """Those who come later get the sensors for Home Assistant, the latest reading, and whether the device is there."""
    from device.sending.mqtt import Mqtt  # noqa: PLC0415  # needs paho-mqtt

    with broker(tmp_path, free_port()) as port:
        with Mqtt(Broker("127.0.0.1", port, "cellar"), FIELDS) as mqtt:
            mqtt.send({"field": "gas", "value": 12.3, "failed": []})
            with subscribed(port) as received:
                until(lambda: len(received.latest) == 4)
                assert json.loads(received.latest["cellar/gas/state"]) == {"field": "gas", "value": 12.3, "failed": []}
                assert received.latest["cellar/availability"] == "online"
                sensor = json.loads(received.latest["homeassistant/sensor/cellar_gas/config"])
                mqtt.send({"field": "gas", "value": 12.4, "failed": []})
                until(lambda: "12.4" in received.latest["cellar/gas/state"])
        with subscribed(port) as received:
            until(lambda: received.latest.get("cellar/availability") == "offline")
    assert sensor["value_template"].startswith("{% if value_json.value is not none and not value_json.failed %}")
    del sensor["value_template"]
    assert sensor == {
        "name": "gas",
        "unique_id": "cellar_gas",
        "state_topic": "cellar/gas/state",
        "json_attributes_topic": "cellar/gas/state",
        "availability_topic": "cellar/availability",
        "state_class": "total_increasing",
        "unit_of_measurement": "m³",
        "device": {
            "identifiers": ["cellar"],
            "name": "cellar",
            "manufacturer": "Rowstream",
            "sw_version": __version__,
        },
    }


def test_a_broker_that_goes_away_and_comes_back_gets_the_latest_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The client starts before its broker does, outlives it, and tells the next one everything again."""
    from device.sending.mqtt import Mqtt  # noqa: PLC0415  # needs paho-mqtt

    caplog.set_level(logging.INFO)
    port = free_port()
    with Mqtt(Broker("127.0.0.1", port), FIELDS) as mqtt:
        mqtt.send({"field": "power", "value": 1})
        until(lambda: "It cannot be reached" in caplog.text)
        with broker(tmp_path, port), subscribed(port) as received:
            until(lambda: received.latest.get("rowstream/power/state") == '{"field": "power", "value": 1}')
        until(lambda: "connecting again" in caplog.text)
        mqtt.send({"field": "power", "value": 2})
        mqtt.send({"field": "power", "value": 3})
        with broker(tmp_path, port), subscribed(port) as received:
            until(lambda: received.latest.get("rowstream/power/state") == '{"field": "power", "value": 3}')
            until(lambda: "homeassistant/sensor/rowstream_power/config" in received.latest)
            assert not [payload for topic, payload in received.all if '"value": 2' in payload]


def test_a_password_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that asks for a password gets it; with another one the log says that it refused."""
    from device.sending.mqtt import Mqtt  # noqa: PLC0415  # needs paho-mqtt

    monkeypatch.setenv("ROWSTREAM_MQTT_USER", "meter")
    with broker(tmp_path, free_port(), "right") as port:
        monkeypatch.setenv("ROWSTREAM_MQTT_PASSWORD", "wrong")
        with Mqtt(Broker("127.0.0.1", port), FIELDS):
            until(lambda: f"MQTT broker 127.0.0.1:{port}: Not authorized" in caplog.text)
        monkeypatch.setenv("ROWSTREAM_MQTT_PASSWORD", "right")
        with Mqtt(Broker("127.0.0.1", port), FIELDS) as mqtt, subscribed(port, "meter", "right") as received:
            mqtt.send({"field": "gas", "value": 5})
            until(lambda: received.latest.get("rowstream/gas/state") == '{"field": "gas", "value": 5}')
