"""Small models of every kind that a manifest can describe, untrained, each with a few inputs as a caller has them."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

from converters.workspace import Request
from device.contract.manifest import InputContract, Manifest, ModelFile, OutputContract, TensorContract, read_manifest
from tests.support.checkout import MODELS
from tests.support.conversions import convert_into, read_conversion
from tests.support.made_once import made_once

if TYPE_CHECKING:
    import keras

    from converters.convert import Conversion

Inputs = npt.NDArray[Any]
# Makes the folder of an example, or returns the one that was made.
ExampleModels = Callable[[str], Path]


@dataclass(frozen=True)
class Example:
    """A network, the pixels of its images, None for sequences, and what the manifest says of its outputs by name."""

    build: Callable[[Any], keras.Model]
    pixels: tuple[float, float] | None
    outputs: Mapping[str, Mapping[str, Any]]
    continuous: bool = False
    precision: Literal["int8", "int8+state16"] = "int8"


def _output(kind: str, *labels: str, **more: Any) -> Mapping[str, Mapping[str, Any]]:
    return {"logits": {"kind": kind, "labels": labels, **more}}


def _rgb(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((12, 10, 3)),
            layers.ZeroPadding2D(((2, 0), (1, 1))),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPool2D(2),
            layers.Reshape((6, 20)),
            layers.LSTM(6),
            layers.Dense(3, name="logits"),
        ]
    )


def _columns(*, each_step: bool = False, both_ways: bool = False) -> Callable[[Any], Any]:
    def build(keras: Any) -> Any:
        layers = keras.layers
        recurrent = layers.GRU(5, return_sequences=each_step)
        return keras.Sequential(
            [
                layers.Input((8, 16, 1)),
                layers.Permute((2, 1, 3)),
                layers.Reshape((16, 8)),
                layers.Bidirectional(recurrent) if both_ways else recurrent,
                layers.Dense(4, name="logits"),
            ]
        )

    return build


def _sequence(shape: tuple[int, int], outputs: int, activation: str | None = None) -> Callable[[Any], Any]:
    def build(keras: Any) -> Any:
        layers = keras.layers
        head = layers.Dense(outputs, activation, name="logits")
        return keras.Sequential([layers.Input(shape), layers.GRU(6), head])

    return build


def _tags(keras: Any) -> Any:
    layers = keras.layers
    head = layers.Dense(3, name="logits")
    return keras.Sequential([layers.Input((10, 4)), layers.LSTM(5, return_sequences=True), head])


def _two(*, each_step: bool) -> Callable[[Any], Any]:
    def build(keras: Any) -> Any:
        layers = keras.layers
        inputs = keras.Input((10, 4))
        x = layers.LSTM(5, return_sequences=each_step)(inputs)
        tags = layers.Dense(3, name="colour")(x)
        last = layers.LSTM(5)(x) if each_step else x
        return keras.Model(inputs, {"colour": tags, "size": layers.Dense(2, name="size")(last)})

    return build


_COLOUR: Mapping[str, Any] = {"kind": "classes", "labels": ("red", "green", "blue")}
_SIZE: Mapping[str, Any] = {"kind": "values", "labels": ("width", "height"), "units": "mm"}
EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "rgb": Example(_rgb, (-1.0, 1.0), _output("classes", "cat", "dog", "cow")),
        "columns": Example(_columns(), (0.0, 1.0), _output("classes", "a", "b", "c", "d")),
        "sequence": Example(_sequence((20, 8), 3), None, _output("classes", "walk", "run", "sit")),
        "state16": Example(
            _sequence((20, 8), 3), None, _output("classes", "walk", "run", "sit"), precision="int8+state16"
        ),
        "binary": Example(_sequence((10, 4), 1, "sigmoid"), None, _output("binary", "falls")),
        "multilabel": Example(_sequence((10, 4), 3, "sigmoid"), None, _output("multilabel", "x", "y", "z")),
        "values": Example(_sequence((10, 4), 2), None, _output("values", "x", "y", units="m/s")),
        "tags": Example(_tags, None, _output("classes", "noun", "verb", "other", per_step=True)),
        "ctc": Example(
            _columns(each_step=True), (0.0, 1.0), _output("classes", "a", "b", "c", "", per_step=True, decoding="ctc")
        ),
        "both_ways": Example(
            _columns(each_step=True, both_ways=True),
            (0.0, 1.0),
            _output("classes", "a", "b", "c", "", per_step=True, decoding="ctc"),
        ),
        "two": Example(_two(each_step=False), None, {"colour": _COLOUR, "size": _SIZE}),
        "mixed": Example(_two(each_step=True), None, {"colour": {**_COLOUR, "per_step": True}, "size": _SIZE}),
        "long": Example(_sequence((70, 2), 2), None, _output("classes", "low", "high")),
        "continuous": Example(_sequence((6, 3), 2), None, _output("classes", "off", "on"), continuous=True),
    }
)


def example_inputs(name: str, count: int = 8) -> Inputs:
    """Returns inputs `[n, ...]` as a caller hands them in: images `<uint8>`, sequences `<float32>`."""
    shape = {"rgb": (12, 10, 3), "columns": (8, 16), "ctc": (8, 16), "both_ways": (8, 16)}
    draw = np.random.default_rng(11)
    if EXAMPLES[name].pixels is not None:
        return draw.integers(0, 256, (count, *shape[name]), np.uint8)
    sequence = {"sequence": (20, 8), "state16": (20, 8), "long": (70, 2), "continuous": (6, 3)}.get(name, (10, 4))
    return (3 * draw.standard_normal((count, *sequence))).astype(np.float32)


@pytest.fixture(scope="session")
def example_models(tmp_path_factory: pytest.TempPathFactory) -> ExampleModels:
    """Gives the folder of an example by its name, which no test may change."""
    return lambda name: made_once(tmp_path_factory, f"example_{name}", lambda folder: _make(name, folder))


def _make(name: str, folder: Path) -> None:
    import keras  # noqa: PLC0415  # takes seconds, which only the tests that use it should wait for

    from pipeline.gate.golden import golden_content  # noqa: PLC0415

    example = EXAMPLES[name]
    keras.utils.set_random_seed(5)
    network = example.build(keras)
    for weight in network.trainable_weights:  # larger, so that answers differ
        weight.assign(2 * weight)
    seen = _as_seen(name, example_inputs(name, 64), network.input_shape[1:])
    with tempfile.TemporaryDirectory() as made:
        request = Request(example.pixels, keep_head=False, precision=example.precision)
        convert_into(Path(made), network, seen, request)
        conversion = read_conversion(Path(made))
    (folder / "model.int8.tflite").write_bytes(conversion.int8_tflite)
    manifest = _manifest(name, conversion)
    golden = golden_content(conversion.int8_tflite, manifest, example_inputs(name, 4))
    (folder / "golden.bin").write_bytes(golden)
    dataclasses.replace(manifest, golden_sha256=hashlib.sha256(golden).hexdigest()).write(folder)


def _as_seen(name: str, inputs: Inputs, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    pixels = EXAMPLES[name].pixels
    if pixels is None:
        return np.asarray(inputs, np.float32)
    low, high = pixels
    return (low + (high - low) * inputs / 255).astype(np.float32).reshape(-1, *shape).clip(low, high)


def _manifest(name: str, conversion: Conversion) -> Manifest:
    from device.signatures import STEP  # noqa: PLC0415
    from pipeline.release.step_logits import contract, contracts  # noqa: PLC0415

    example, facts, step = EXAMPLES[name], conversion.facts, conversion.graphs.get(STEP)
    given, tensors = contracts(conversion)
    kind: Literal["sequence", "image"] = "sequence" if example.pixels is None else "image"
    content = conversion.int8_tflite
    return dataclasses.replace(
        read_manifest(MODELS / "rows2d"),
        name=f"example-{name.replace('_', '-')}",
        input=InputContract(given.name, given.shape, given.quantisation, kind, example.pixels, ""),
        outputs=tuple(_output_contract(tensors[output], says) for output, says in example.outputs.items()),
        time_axis=facts.time_axis,
        steps=facts.steps,
        lines_per_step=facts.lines_per_step,
        continuous=example.continuous,
        states=tuple(contract(state, step.inputs[state]) for state in step.states) if step is not None else (),
        not_streamable=facts.not_streamable,
        precision=facts.precision,
        file=ModelFile("model.int8.tflite", len(content), hashlib.sha256(content).hexdigest()),
        golden_sha256="",
        accuracy=None,
        early_exit=None,
        rejection=None,
    )


def _output_contract(tensor: TensorContract, says: Mapping[str, Any]) -> OutputContract:
    defaults = {"per_step": False, "units": "", "temperature": 1.0, "threshold": 0.0, "decoding": ""}
    return OutputContract(tensor.name, tensor.shape, tensor.quantisation, **{**defaults, **says})
