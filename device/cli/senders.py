"""What sends printed lines elsewhere, by the options of `watch`."""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING

from ..advice import MQTT, pip_install
from ..sending.post import Post

if TYPE_CHECKING:
    from ..sending import mqtt
    from .source_options import SourceOptions


def senders(options: SourceOptions, stack: ExitStack) -> list[mqtt.Mqtt | Post]:
    """Returns the started senders, which the stack closes; raises ImportError if something is not installed."""
    started: list[mqtt.Mqtt | Post] = []
    if options.mqtt is not None:
        started.append(stack.enter_context(import_mqtt().Mqtt(options.mqtt, options.watching.fields)))
    if options.post is not None:
        started.append(stack.enter_context(Post(options.post)))
    return started


def import_mqtt() -> ModuleType:
    """Returns `device.sending.mqtt`; raises ImportError if paho-mqtt is not installed."""
    try:
        from ..sending import mqtt  # noqa: PLC0415  # an extra: the rest works without it
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("paho"):
            raise
        raise ImportError(f"--mqtt needs paho-mqtt: {pip_install(*MQTT)}") from error
    return mqtt
