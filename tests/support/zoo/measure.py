"""Lowers and converts a network of the zoo, and compares it with Keras, and `classify` with `step`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from converters.lowering.inference import InferenceNetwork
from device.arrays import Float32
from tests.support.zoo.build import Example
from tests.support.zoo.images import IMAGES
from tests.support.zoo.operations import OPERATIONS
from tests.support.zoo.sequences import SEQUENCES

ZOO: Mapping[str, Example] = {**SEQUENCES, **IMAGES, **OPERATIONS}


@dataclass(frozen=True)
class FloatResult:
    """How far the lowered network is from Keras, and its steps from the whole; None if it does not stream."""

    error: float
    step_error: float | None
    not_streamable: str


def built(example: Example) -> keras.Model:
    """Returns a network with random weights, biases and batch statistics, as training leaves them."""
    keras.utils.set_random_seed(3)
    network = example.build()
    random = np.random.default_rng(3)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(random.uniform(0.5, 2.0, weight.shape))
        elif weight.dtype == "float32":
            weight.assign(weight + random.normal(0, 0.1, weight.shape))
    return network


def inputs(network: keras.Model, n: int, seed: int) -> Float32:
    """Returns inputs `<float32>[n, ...]` of a network: in 0..1 for images, and in -1..1 for others."""
    low = 0.0 if is_image(network) else -1.0
    return np.random.default_rng(seed).uniform(low, 1.0, (n, *network.input_shape[1:])).astype(np.float32)


def is_image(network: keras.Model) -> bool:
    """Returns whether the input is taken as pixels."""
    return len(network.input_shape) == 4 and network.input_shape[-1] in (1, 3)


def float_result(network: keras.Model) -> FloatResult:
    """Returns how a lowered network compares with Keras on one input."""
    inference = InferenceNetwork(network)
    x = inputs(network, 1, seed=1)
    expected = network(x, training=False)
    expected = expected if isinstance(expected, (list, tuple)) else [expected]
    stepped = step_outputs(inference, x) if inference.step_form is not None else None
    whole: Any = stepped if inference.classify is None else inference.classify(tf.constant(x))
    heads = inference.facts.heads
    errors = [
        _distance(headed(whole[name], head), each) for (name, head), each in zip(heads.items(), expected, strict=True)
    ]
    between = None if stepped is None else max(_distance(stepped[name], whole[name]) for name in heads)
    return FloatResult(max(errors), between, inference.facts.not_streamable)


def step_outputs(inference: InferenceNetwork, x: Float32) -> Mapping[str, Any]:
    """Returns the outputs of the step form after all lines of an input `<float32>[1, ...]`."""
    form = inference.step_form
    assert form is not None
    image = x.swapaxes(1, 2) if form.time_axis == "columns" else x
    states, seen = [tf.zeros(shape) for shape in form.states.values()], []
    for lines in np.split(image, image.shape[1] // form.lines[1], axis=1):
        outputs, states = form(tf.constant(lines), states)
        seen.append(outputs)
    return {
        name: tf.concat([each[name] for each in seen], axis=1) if name in form.per_step else seen[-1][name]
        for name in form.outputs
    }


def headed(value: Any, head: str) -> Any:
    """Returns what the device makes of an output, for the head that was taken off."""
    return {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "linear": tf.identity}[head](value)


def _distance(one: Any, other: Any) -> float:
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    assert a.shape == b.shape, f"{a.shape} {b.shape}"
    return float(np.abs(a - b).max())
