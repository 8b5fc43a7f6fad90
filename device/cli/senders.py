"""What sends printed lines elsewhere, by the options of `watch`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..advice import MQTT, pip_install
from ..sending.broker import Broker
from ..sending.post import Post
from .source_options import SourceOptions

if TYPE_CHECKING:
    from ..sending.mqtt import Mqtt


def senders(options: SourceOptions, stack: ExitStack) -> list[Mqtt | Post]:
    """Returns the started senders, which the stack closes; raises ImportError if something is not installed."""
    started: list[Mqtt | Post] = []
    if options.mqtt is not None:
        started.append(stack.enter_context(_mqtt(options, options.mqtt)))
    if options.post is not None:
        started.append(stack.enter_context(Post(options.post)))
    return started


def _mqtt(options: SourceOptions, broker: Broker) -> Mqtt:
    try:
        from ..sending.mqtt import Mqtt  # noqa: PLC0415  # an extra: the rest works without it
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("paho"):
            raise
        raise ImportError(f"--mqtt needs paho-mqtt: {pip_install(*MQTT)}") from error
    return Mqtt(broker, options.watching.fields)
