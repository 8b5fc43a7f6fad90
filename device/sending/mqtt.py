"""Publishes the readings of fields to an MQTT broker, with discovery by Home Assistant.

A broker that is away does not stop the readings: the client connects again with exponential backoff, and then publishes
the latest reading of each field.

Sources: MQTT Version 3.1.1, sections 3.1.2.5 (will) and 3.3.1.3 (retain); https://eclipse.dev/paho/.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from paho.mqtt import MQTTException, publish
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ..closing import Closing
from ..fields.field import Field
from .broker import Broker
from .home_assistant import config_topic, sensor

USER, PASSWORD = "ROWSTREAM_MQTT_USER", "ROWSTREAM_MQTT_PASSWORD"

_FIRST_PAUSE_S, _MAX_PAUSE_S = 1, 30
_KEEP_ALIVE_S = 30
_GOODBYE_S = 2.0
# Sent once: after a new connection the latest readings are sent again, and none that is older may follow them.
_QOS = 0

# A report is sent until the broker has it, and then once or more.
_REPORT_QOS = 1

log = logging.getLogger(__name__)


def publish_reports(broker: Broker, reports: Sequence[Mapping[str, Any]]) -> None:
    """Publishes reports of releases, in their order; raises OSError if the broker does not take them.

    The broker does not keep them, since devices report again, and the device's other topics stay as they are.
    """
    user = _user()
    messages: publish.MessagesList = [(broker.reports, json.dumps(report), _REPORT_QOS, False) for report in reports]
    try:
        publish.multiple(
            messages,
            hostname=broker.host,
            port=broker.port,
            keepalive=_KEEP_ALIVE_S,
            auth=None if user is None else {"username": user[0], "password": user[1]},
            tls={} if broker.uses_tls else None,
        )
    except (MQTTException, OSError) as error:
        raise OSError(f"MQTT broker {broker}: {error}") from error


def _user() -> tuple[str, str | None] | None:
    """Returns the user and the password that the environment names, if it names a user."""
    name = os.environ.get(USER)
    return (name, os.environ.get(PASSWORD)) if name else None


class Mqtt(Closing):
    """A client that stays connected, in a thread of its own."""

    def __init__(self, broker: Broker, fields: Sequence[Field]) -> None:
        """Starts to connect; a user and a password are taken from the environment, and port 8883 means TLS."""
        self._broker = broker
        self._fields = tuple(fields)
        self._latest: dict[str, str] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.will_set(broker.availability, "offline", _QOS, retain=True)
        self._client.reconnect_delay_set(_FIRST_PAUSE_S, _MAX_PAUSE_S)
        if user := _user():
            self._client.username_pw_set(*user)
        if broker.uses_tls:
            self._client.tls_set()
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._not_connected
        self._client.on_disconnect = self._disconnected
        self._client.connect_async(broker.host, broker.port, _KEEP_ALIVE_S)
        self._client.loop_start()

    def send(self, line: Mapping[str, Any]) -> None:
        """Publishes a line of a field's reading, at once or as soon as there is a connection."""
        payload = json.dumps(line)
        with self._lock:
            self._latest[line["field"]] = payload
            if self._client.is_connected():
                self._publish(self._broker.state(line["field"]), payload)

    def close(self) -> None:
        """Says that the device is offline, and disconnects."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._client.is_connected():
                self._publish(self._broker.availability, "offline").wait_for_publish(_GOODBYE_S)
        except RuntimeError as error:  # the broker went away before
            log.warning(f"MQTT broker {self._broker}: {error}")
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _publish(self, topic: str, payload: str) -> MQTTMessageInfo:
        # Kept by the broker for those who come later.
        return self._client.publish(topic, payload, _QOS, retain=True)

    def _connected(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error(f"error: MQTT broker {self._broker}: {reason}")
            return
        log.info(f"connected to the MQTT broker {self._broker}")
        with self._lock:
            for field in self._fields:
                self._publish(config_topic(self._broker, field), json.dumps(sensor(self._broker, field)))
            self._publish(self._broker.availability, "online")
            for field_name, payload in self._latest.items():
                self._publish(self._broker.state(field_name), payload)

    def _not_connected(self, _client: Client, _data: object) -> None:
        log.warning(f"MQTT broker {self._broker}: Expected a connection. It cannot be reached; trying again")

    def _disconnected(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._closed:
            log.warning(f"MQTT broker {self._broker}: {reason}; connecting again")
