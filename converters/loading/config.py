"""The configuration in a network's file: what would run code, and what Keras 3 no longer knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from keras import layers

from converters.loading.source import LoadError

# Options of Keras 2 that Keras 3 dropped, and the values with which they changed nothing.
_DROPPED: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "time_major": (False,),
        "implementation": (0, 1, 2),  # ways to compute the same
        "ragged": (False,),
        "fused": (None, True, False),  # the same
        "renorm": (False,),
        "renorm_clipping": (None, {}),
        "renorm_momentum": (0.99,),
        "virtual_batch_size": (None,),
        "experimental_autocast": (True,),
        "experimental_run_tf_function": (True, False),
    }
)


def refuse_code(config: Any) -> None:
    """Raise LoadError, which names the layer, if a network of this configuration needs code from elsewhere."""
    for entry, layer in _entries(config, ""):
        name, module = entry.get("class_name"), entry.get("module")
        if name in {"Lambda", "__lambda__"}:
            raise LoadError(f"{layer}: Expected layers of Keras. Received: a Lambda, which runs code from the file")
        if isinstance(module, str) and module != "builtins" and module.partition(".")[0] != "keras":
            raise LoadError(f"{layer}: Expected layers of Keras. Received: {module}.{name}, which is code elsewhere")
        if module is None and _is_layer(entry) and not hasattr(layers, str(name)) and name not in _NETWORKS:
            raise LoadError(f"{layer}: Expected layers of Keras. Received: {name}, which is code elsewhere")


def mended(config: Any, layer: str = "") -> Any:
    """Return a configuration of Keras 2 without the options that Keras 3 dropped.

    Raises LoadError, which names the layer, if one of them has a value that changed what the layer computes.
    """
    if isinstance(config, list):
        return [mended(each, layer) for each in config]
    if not isinstance(config, dict):
        return config
    layer = _name(config) or layer
    if not isinstance(config.get("config"), dict):
        return {key: mended(value, layer) for key, value in config.items()}
    options = {key: value for key, value in config["config"].items() if not _is_dropped(key, value, layer)}
    return {**config, "config": mended(options, layer)}


def refuse_changed(config: Any) -> None:
    """Raise LoadError, which names the layer, if a network of Keras 2 computes otherwise in Keras 3."""
    for entry, layer in _entries(config, ""):
        options = entry.get("config")
        given = options if isinstance(options, dict) else {}
        for option in ("activation", "recurrent_activation"):
            if given.get(option) == "hard_sigmoid":
                received = f"{option}=hard_sigmoid, which is clip(0.2 x + 0.5) in Keras 2, clip(x / 6 + 0.5) in Keras 3"
                raise LoadError(f"{layer}: Expected what Keras 3 computes as Keras 2 did. Received: {received}")


_NETWORKS = ("Functional", "Model", "Sequential")


def _is_dropped(option: str, value: Any, layer: str) -> bool:
    if option not in _DROPPED:
        return False
    if value not in _DROPPED[option]:
        raise LoadError(f"{layer}: Expected {option}={_DROPPED[option][0]}: Keras 3 has no other. Received: {value}")
    return True


def _is_layer(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("config"), dict) and "name" in entry["config"] and "trainable" in entry["config"]


def _entries(config: Any, layer: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each serialised object below, and the name of the layer that it belongs to."""
    if isinstance(config, list):
        for each in config:
            yield from _entries(each, layer)
    if isinstance(config, dict):
        layer = _name(config) or layer
        if "class_name" in config:
            yield config, layer
        for value in config.values():
            yield from _entries(value, layer)


def _name(entry: Mapping[str, Any]) -> str:
    options = entry.get("config")
    return str(options.get("name") or "") if "class_name" in entry and isinstance(options, dict) else ""
