"""Follows the data through a network, from its file or from the function that builds it, and says what is wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from converters.loading.load import built
from converters.loading.safely import loaded_safely
from converters.loading.source import LoadError, Source
from device.arrays import Float32
from pipeline.doctor.faults import explained
from pipeline.doctor.finding import Finding
from pipeline.doctor.head import loss_code, of_head, of_scale
from pipeline.doctor.kinds import recurrent
from pipeline.doctor.notes import axis_of_time, of_notes
from pipeline.doctor.places import followed, time_axis
from pipeline.doctor.program import UnwritableError, program
from pipeline.doctor.recording import Call, Shape, recorded
from pipeline.doctor.sequence import of_sequences

# In place of a size that the network leaves free.
_FREE_SIZE = 32
# Inputs of the user's that are looked at.
_BATCH = 16
_ROUNDS_MAX = 10


@dataclass(frozen=True)
class Row:
    """A layer on the way of the data: name, kind, and the shape after it with a star at the time axis."""

    layer: str
    kind: str
    shape: str

    def __post_init__(self) -> None:
        if not self.layer or not self.kind:
            raise ValueError(f"Expected a layer's name and kind. Received: {self}")


@dataclass(frozen=True)
class Diagnosis:
    """The way of the data, what was found, and a repaired program ("" if there is nothing to repair or to write)."""

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    program: str = ""

    def __post_init__(self) -> None:
        if self.program and not self.is_sick:
            raise ValueError("Expected a program of a sick network alone. Received: one of a healthy network")

    @property
    def is_sick(self) -> bool:
        return any(finding.is_sick for finding in self.findings)


def examine(source: Source, shape: Shape | None, data: Float32 | None) -> Diagnosis:
    """Return the diagnosis of the network at `source`, with inputs of `shape` or like `data`, `<float32>[n, …]`.

    Raises LoadError if there is no network, which is not what its layers do when they are built.
    """
    shape = data.shape[1:] if data is not None and shape is None else shape
    if source.form != "function":
        with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
            path = loaded_safely(str(source), False, Path(folder) / "network.keras")  # no trust
            network = keras.models.load_model(path)
        return diagnosed(lambda: network, shape, data)
    return diagnosed(lambda: built(source), shape, data)


def diagnosed(build: Callable[[], keras.Model], shape: Shape | None = None, data: Float32 | None = None) -> Diagnosis:
    """Return the diagnosis of the network that a function builds; see `examine`."""
    return _with_program(_diagnosed(build, shape, data), build, shape)


def _diagnosed(build: Callable[[], keras.Model], shape: Shape | None, data: Float32 | None) -> Diagnosis:
    keras.utils.clear_session()  # so that layers have the same names each time
    with recorded() as calls:
        try:
            network = build()
            if not network.built and shape is not None:
                network(keras.ops.ones((1, *shape)))
        except LoadError:
            raise
        except Exception as error:  # noqa: BLE001  # a build function raises anything
            return Diagnosis(_rows(_last(calls), {}, -1), (explained(error, calls),))
    if not network.built:
        return Diagnosis((), (_unbuilt(network),))
    free = tuple(_free_sizes(network))
    inputs = _inputs(network, shape, data)
    with recorded() as calls:
        try:
            network(inputs[0] if len(inputs) == 1 else inputs)
        except Exception as error:  # noqa: BLE001  # so do layers of the user's own, and TensorFlow
            return Diagnosis(_rows(calls, {}, -1), free or (explained(error, calls),))
    return _of_calls(network, calls, inputs, free, data_is_real=data is not None)


def _of_calls(
    network: keras.Model, calls: Sequence[Call], inputs: Sequence[Any], free: tuple[Finding, ...], *, data_is_real: bool
) -> Diagnosis:
    places = followed(calls, inputs)
    findings = (
        *free,
        *of_sequences(calls, places),
        *of_head(network, calls),
        *of_scale(calls, data_is_real=data_is_real),
        *of_notes(calls, places),
    )
    return Diagnosis(_rows(calls, places, axis_of_time(calls, places)), findings)


def _inputs(network: keras.Model, shape: Shape | None, data: Float32 | None) -> list[Any]:
    """Return an input for each of the network's: the first of `data`, or ones; ValueError if they do not fit."""
    expected = [tuple(each.shape) for each in getattr(network, "inputs", None) or ()]
    if not expected:  # a network of a class of its own, which was called with this shape
        expected = [(None, *(shape or ()))]
    if shape is not None and (len(expected) > 1 or not _fits(expected[0], shape)):
        sizes = " and ".join(str(list(each[1:])) for each in expected)
        raise ValueError(f"Expected --input or --data of the network's input {sizes}. Received: {list(shape)}")
    if data is not None:
        return [keras.ops.convert_to_tensor(data[: expected[0][0] or _BATCH])]
    shapes = [[each[0] or 1, *(size or _FREE_SIZE for size in each[1:])] for each in expected]
    types = [each.dtype for each in getattr(network, "inputs", None) or ()] or ["float32"]
    return [keras.ops.ones(each, dtype) for each, dtype in zip(shapes, types, strict=True)]


def _fits(expected: Shape, shape: Shape) -> bool:
    return len(expected) == len(shape) + 1 and all(e in (None, s) for e, s in zip(expected[1:], shape, strict=True))


def _free_sizes(network: keras.Model) -> Iterator[Finding]:
    reads = any(recurrent(layer) is not None for layer in _leaves(network))
    for tensor in getattr(network, "inputs", None) or ():
        if reads and None in tensor.shape[1:]:
            shape = ", ".join("?" if size is None else str(size) for size in tensor.shape[1:])
            yield Finding(
                "free size",
                tensor.name,
                f"the input [{shape}] leaves a size free",
                "a device's file has fixed shapes, and the recurrent layer is unrolled over a fixed number of steps",
                f"keras.Input with all sizes given, in place of [{shape}]",
            )


def _leaves(network: Any) -> Iterator[Any]:
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _unbuilt(network: keras.Model) -> Finding:
    return Finding(
        "unbuilt",
        network.name,
        "has no input shape, so no layer has weights",
        "the shapes along the layers follow from the input",
        "keras.Input((height, width, channels)) as its first layer, or name the shape here: --input 28,28,1",
    )


def _rows(calls: Sequence[Call], places: Any, axis: int) -> tuple[Row, ...]:
    return tuple(Row(call.name, call.kind, _shape(call, places, axis)) for call in calls)


def _last(calls: Sequence[Call]) -> list[Call]:
    """Return the last call of each layer: a Sequential calls all its layers again when one is added."""
    return list({id(call.layer): call for call in calls}.values())


def _shape(call: Call, places: Any, axis: int) -> str:
    if call.error is not None:
        return "raises"
    known = places.get(id(call.outputs[0])) if call.outputs else None
    along = time_axis(known, axis) if known is not None and 0 <= axis < known.axes and len(known.shape) > 1 else -1
    sizes = ("?" if size is None else str(size) for size in call.output_shape)
    return f"[{', '.join(size + '*' * (k == along) for k, size in enumerate(sizes))}]"


def _with_program(diagnosis: Diagnosis, build: Callable[[], keras.Model], shape: Shape | None) -> Diagnosis:
    """Return the diagnosis with the repaired program, and with what else is found when the first mends are made."""
    if not any(finding.edits for finding in diagnosis.findings):
        return diagnosis
    keras.utils.clear_session()
    try:
        with _unbuilt_sequentials():
            network = build()
    except Exception:  # noqa: BLE001  # a build function raises anything
        return diagnosis  # it needs its layers built on its way: there are mends, but no whole program
    if type(network) is not keras.Sequential:
        return diagnosis
    return _repaired(diagnosis, network, shape)


def _repaired(diagnosis: Diagnosis, network: keras.Sequential, shape: Shape | None) -> Diagnosis:
    kept, found = _layers(network), list(diagnosis.findings)
    size = _input_shape(network) or shape
    latest = diagnosis
    for _ in range(_ROUNDS_MAX):
        sick = next((each for each in latest.findings if each.is_sick), None)
        if sick is None or size is None:
            break
        if not sick.edits:
            return replace(diagnosis, findings=tuple(found))
        kept = _edited(kept, sick)
        latest = _diagnosed(lambda: _rebuilt(kept, size, network), None, None)  # noqa: B023  # called at once
        found += [each for each in latest.findings if each.is_sick and _key(each) not in map(_key, found)]
    if latest.is_sick or size is None:
        return replace(diagnosis, findings=tuple(found))
    try:
        text = program(kept, size, loss_code(network, kept[-1]))
    except UnwritableError:
        text = ""  # a layer of the user's own: the mends stand with the findings
    return replace(diagnosis, findings=tuple(found), program=text)


def _key(finding: Finding) -> tuple[str, str]:
    return finding.kind, finding.layer


def _rebuilt(kept: Sequence[Any], shape: Shape, network: keras.Sequential) -> keras.Sequential:
    rebuilt = keras.Sequential([keras.Input(shape), *(_copy(layer) for layer in kept)])
    if getattr(network, "loss", None) is not None:
        rebuilt.compile(loss=network.loss)
    return rebuilt


def _copy(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())


def _layers(network: keras.Sequential) -> list[Any]:
    return [_copy(layer) for layer in network.layers]


def _input_shape(network: keras.Sequential) -> Shape | None:
    first = network._layers[0]  # noqa: SLF001  # `layers` leaves the input out, and `inputs` needs a built network
    return tuple(first.batch_shape[1:]) if isinstance(first, keras.layers.InputLayer) else None


def _edited(kept: Sequence[Any], finding: Finding) -> list[Any]:
    edits = {edit.layer: edit for edit in finding.edits}
    edited: list[Any] = []
    for layer in kept:
        edit = edits.get(layer.name)
        if edit is None:
            edited.append(layer)
            continue
        edited += [*edit.before, *([] if edit.remove else [layer])]
    return edited


@contextmanager
def _unbuilt_sequentials() -> Iterator[None]:
    """Let a Sequential take all its layers without calling them, so that one that raises does not hide the others."""
    build = keras.Sequential.build
    keras.Sequential.build = lambda *_, **__: None
    try:
        yield
    finally:
        keras.Sequential.build = build
