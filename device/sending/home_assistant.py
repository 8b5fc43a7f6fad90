"""What Home Assistant has to know of a field to show it as a sensor.

Source: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery and /integrations/sensor.mqtt.
"""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..fields.field import Field
from .broker import Broker

# A reading that is unsure or fails a check is in the attributes, and does not change the state.
_VALUE = (
    "{% if value_json.value is not none and not value_json.failed %}{{ value_json.value }}"
    "{% else %}{{ this.state }}{% endif %}"
)


def config_topic(broker: Broker, field: Field) -> str:
    """Returns the topic at which Home Assistant looks for a field's sensor."""
    return f"homeassistant/sensor/{broker.topic}_{field.name}/config"


def sensor(broker: Broker, field: Field) -> dict[str, Any]:
    """Returns the sensor of a field, as Home Assistant's discovery has it."""
    known = {
        "name": field.name,
        "unique_id": f"{broker.topic}_{field.name}",
        "state_topic": broker.state(field.name),
        "value_template": _VALUE,
        "json_attributes_topic": broker.state(field.name),
        "availability_topic": broker.availability,
        "state_class": "total_increasing" if field.checks.never_falls else "measurement",
        "device": {
            "identifiers": [broker.topic],
            "name": broker.topic,
            "manufacturer": "Rowstream",
            "sw_version": __version__,
        },
    }
    return known | {"unit_of_measurement": field.unit} if field.unit else known
