"""Tests that the gate refuses files that are not what their manifest says, each by the right check alone."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from converters.lowering.inference import InferenceNetwork
from pipeline.folders import ModelFolder
from pipeline.training.networks import load_network
from tests.conftest import MODELS
from tests.support.sabotage import (
    EVERY_RUNTIME,
    ONE_RUNTIME,
    VARIANT,
    Good,
    add_tensor,
    forge,
    forge_edited,
    graph_of,
    judged,
    limits_for_few_images,
    operator,
    reasons,
    refusals,
)


@pytest.mark.thorough
def test_labels_permuted(good: Good, good_copy: Path) -> None:
    """Exchanged labels are refused as wrong labels, not as a loss of accuracy."""
    forge(good_copy, output={"labels": tuple("1023456789")})
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"labels match classes"}


def test_logits_zero_point_shifted(good: Good, good_copy: Path) -> None:
    """Logits with another zero point than in the manifest are refused."""

    def shift(model: schema.ModelT) -> None:
        for signature in (b"classify", b"step"):
            graph = graph_of(model, signature)
            for index in graph.outputs:
                if tuple(graph.tensors[index].shape) == (1, 10):
                    graph.tensors[index].quantization.zeroPoint = graph.tensors[index].quantization.zeroPoint + 9

    forge_edited(good_copy, shift)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"file matches manifest"}


def test_a_states_scale_unequal(good: Good, good_copy: Path) -> None:
    """A state whose output has another scale than its input is refused."""

    def stretch(model: schema.ModelT) -> None:
        graph = graph_of(model, b"step")
        state = next(index for index in graph.outputs if tuple(graph.tensors[index].shape) == (1, 128))
        graph.tensors[state].quantization.scale = graph.tensors[state].quantization.scale * np.float32(1.01)

    forge_edited(good_copy, stretch)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"state scales"}


def test_a_float_tensor_left_in(good: Good, good_copy: Path) -> None:
    """A float tensor inside is refused, even if it changes no logit."""

    def detour(model: schema.ModelT) -> None:
        graph = graph_of(model, b"classify")
        last = graph.operators[-1]
        source = int(last.inputs[0])
        real = add_tensor(graph, source, b"left in", schema.TensorType.FLOAT32)
        back = add_tensor(graph, source, b"and back", schema.TensorType.INT8)
        last.inputs = np.array([back, *last.inputs[1:]], np.int32)
        graph.operators[-1:] = [
            operator(model, "DEQUANTIZE", source, real),
            operator(model, "QUANTIZE", real, back),
            last,
        ]

    forge_edited(good_copy, detour)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"no float tensors"}


def test_float_input_and_output(good: Good, good_copy: Path) -> None:
    """A file with a float input and output is refused."""

    def open_edges(model: schema.ModelT) -> None:
        graph = graph_of(model, b"classify")
        pixels, logits = int(graph.inputs[0]), int(graph.outputs[0])
        given = add_tensor(graph, pixels, b"float crop", schema.TensorType.FLOAT32)
        made = add_tensor(graph, logits, b"float logits", schema.TensorType.FLOAT32)
        graph.operators.insert(0, operator(model, "QUANTIZE", given, pixels))
        graph.operators.append(operator(model, "DEQUANTIZE", logits, made))
        graph.inputs, graph.outputs = np.array([given], np.int32), np.array([made], np.int32)
        (signature,) = (entry for entry in model.signatureDefs if entry.signatureKey == b"classify")
        signature.inputs[0].tensorIndex, signature.outputs[0].tensorIndex = given, made

    forge_edited(good_copy, open_edges)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"file matches manifest"}


@pytest.mark.thorough
@pytest.mark.skipif(importlib.util.find_spec("tflite_runtime") is None, reason="its wheel ends with Python 3.11")
def test_operators_too_new(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """The operators of TensorFlow's dynamic-range quantisation are refused: tflite-runtime lacks them."""
    network = InferenceNetwork(load_network(VARIANT.name, ModelFolder(good.folder)))
    tf.saved_model.save(network, tmp_path / "saved", signatures=dict(network.signatures))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"), list(network.signatures))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    forge(good_copy, bytes(converter.convert()))
    judgement = judged(good_copy, good.splits, limits_for_few_images(tmp_path, (ONE_RUNTIME, EVERY_RUNTIME)))
    assert refusals(judgement) == {"operator versions"}
    assert reasons(judgement) == ["FULLY_CONNECTED 12 (newest: 10) on tflite-runtime"]


def test_a_byte_flipped(good: Good, good_copy: Path) -> None:
    """A file with one bit flipped is refused."""
    path = good_copy / "model.int8.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"file SHA-256"}


def test_a_truncated_file(good: Good, good_copy: Path) -> None:
    """A truncated file is refused for its size."""
    path = good_copy / "model.int8.tflite"
    path.write_bytes(path.read_bytes()[:100_000])
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"file size in manifest"}


def test_the_manifest_of_another_model(good: Good, good_copy: Path) -> None:
    """A manifest of another model is refused for its name; under this model's name, for the file's size and weights."""
    shutil.copy(MODELS / "rows2d" / "manifest.json", good_copy)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"name in manifest"}
    forge(good_copy, name="rowstream-conv1d")
    assert refusals(judged(good_copy, good.splits, good.limits)) >= {"file size in manifest", "float weights SHA-256"}


@pytest.mark.thorough
def test_float_weights_with_nan(good: Good, good_copy: Path) -> None:
    """A float network whose logits are NaN is refused."""
    model = ModelFolder(good_copy)
    network = load_network(VARIANT.name, model)
    network.layers[-1].bias.assign(np.full(10, np.nan, np.float32))
    network.save_weights(model.weights)
    forge(good_copy, weights_sha256=hashlib.sha256(model.weights.read_bytes()).hexdigest())
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"float logits finite"}


def test_too_few_images(good: Good) -> None:
    """748 test images are too few."""
    few = dataclasses.replace(good.splits, test=good.splits.test[::3])
    judgement = judged(good.folder, few, good.limits)
    assert judgement.images == 748
    assert refusals(judgement) == {"test images"}


def test_no_images(good: Good) -> None:
    """No test images at all are refused."""
    none = dataclasses.replace(good.splits, test=good.splits.test[:0])
    assert refusals(judged(good.folder, none, good.limits)) == {"test images", "test images of every class"}


def test_a_class_without_images(good: Good) -> None:
    """Test images without a nine are refused."""
    no_nines = np.flatnonzero(good.splits.test.labels != 9)
    without = dataclasses.replace(good.splits, test=good.splits.test[no_nines])
    assert refusals(judged(good.folder, without, good.limits)) == {"test images of every class"}
