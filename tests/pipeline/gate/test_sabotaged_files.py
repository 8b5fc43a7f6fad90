"""The gate against files that are not what they say: each is refused for its own reason and no other."""

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

from converters.lowering.lower import InferenceNetwork
from pipeline.folders import ModelFolder
from pipeline.training.networks import load_network
from tests.conftest import MODELS
from tests.support.sabotage import (
    VARIANT,
    Good,
    forge,
    forge_edited,
    graph_of,
    judged,
    operator,
    reasons,
    refusals,
    twin,
)


def test_labels_permuted(good: Good, good_copy: Path) -> None:
    """Labels that name other classes are no loss of accuracy but wrong labels."""
    forge(good_copy, labels=tuple("1023456789"))
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"labels"}


def test_logits_zero_point_shifted(good: Good, good_copy: Path) -> None:
    """Logits that are not as the manifest says break the contract."""

    def shift(model: schema.ModelT) -> None:
        for signature in (b"classify", b"step"):
            graph = graph_of(model, signature)
            for place in graph.outputs:
                if tuple(graph.tensors[place].shape) == (1, 10):
                    graph.tensors[place].quantization.zeroPoint = graph.tensors[place].quantization.zeroPoint + 9

    forge_edited(good_copy, shift)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"contract"}


def test_a_states_scale_unequal(good: Good, good_copy: Path) -> None:
    """A state must come out with the scale with which it goes in."""

    def stretch(model: schema.ModelT) -> None:
        graph = graph_of(model, b"step")
        state = next(place for place in graph.outputs if tuple(graph.tensors[place].shape) == (1, 128))
        graph.tensors[state].quantization.scale = graph.tensors[state].quantization.scale * np.float32(1.01)

    forge_edited(good_copy, stretch)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"state scales"}


def test_a_float_tensor_left_in(good: Good, good_copy: Path) -> None:
    """A detour by way of float, though it loses nothing, is none that ships."""

    def detour(model: schema.ModelT) -> None:
        graph = graph_of(model, b"classify")
        last = graph.operators[-1]
        source = int(last.inputs[0])
        real = twin(graph, source, b"left in", schema.TensorType.FLOAT32)
        back = twin(graph, source, b"and back", schema.TensorType.INT8)
        last.inputs = np.array([back, *last.inputs[1:]], np.int32)
        graph.operators[-1:] = [
            operator(model, "DEQUANTIZE", source, real),
            operator(model, "QUANTIZE", real, back),
            last,
        ]

    forge_edited(good_copy, detour)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"no float inside"}


def test_float_input_and_output(good: Good, good_copy: Path) -> None:
    """A file that is fed float is not the one of the contract."""

    def open_edges(model: schema.ModelT) -> None:
        graph = graph_of(model, b"classify")
        pixels, logits = int(graph.inputs[0]), int(graph.outputs[0])
        given = twin(graph, pixels, b"float crop", schema.TensorType.FLOAT32)
        made = twin(graph, logits, b"float logits", schema.TensorType.FLOAT32)
        graph.operators.insert(0, operator(model, "QUANTIZE", given, pixels))
        graph.operators.append(operator(model, "DEQUANTIZE", logits, made))
        graph.inputs, graph.outputs = np.array([given], np.int32), np.array([made], np.int32)
        (signature,) = (entry for entry in model.signatureDefs if entry.signatureKey == b"classify")
        signature.inputs[0].tensorIndex, signature.outputs[0].tensorIndex = given, made

    forge_edited(good_copy, open_edges)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"contract"}


@pytest.mark.skipif(importlib.util.find_spec("tflite_runtime") is None, reason="its wheel ends with Python 3.11")
def test_operators_too_new(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """TensorFlow's dynamic-range quantisation writes operators that tflite-runtime does not have."""
    network = InferenceNetwork(load_network(VARIANT.name, ModelFolder(good.folder)))
    tf.saved_model.save(network, tmp_path / "saved", signatures=dict(network.signatures))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"), list(network.signatures))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    forge(good_copy, bytes(converter.convert()))
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"operator versions"}
    assert reasons(judgement) == ["FULLY_CONNECTED 12 (newest: 10) on tflite-runtime"]


def test_a_byte_flipped(good: Good, good_copy: Path) -> None:
    """One bit of one weight makes it another file."""
    path = good_copy / "model.int8.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"file hash"}


def test_a_truncated_file(good: Good, good_copy: Path) -> None:
    """A file that was cut off is not as long as it was."""
    path = good_copy / "model.int8.tflite"
    path.write_bytes(path.read_bytes()[:100_000])
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"file bytes"}


def test_the_manifest_of_another_model(good: Good, good_copy: Path) -> None:
    """Another model's manifest speaks of another file and of other weights."""
    shutil.copy(MODELS / "rows2d" / "manifest.json", good_copy)
    assert refusals(judged(good_copy, good.splits, good.limits)) >= {"file bytes", "weights hash"}


def test_float_weights_with_nan(good: Good, good_copy: Path) -> None:
    """A float network that gives no numbers is none to compare with."""
    model = ModelFolder(good_copy)
    network = load_network(VARIANT.name, model)
    network.layers[-1].bias.assign(np.full(10, np.nan, np.float32))
    network.save_weights(model.weights)
    forge(good_copy, weights_sha256=hashlib.sha256(model.weights.read_bytes()).hexdigest())
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"float finite"}


def test_too_few_images(good: Good) -> None:
    """On 748 images nothing can be said."""
    few = dataclasses.replace(good.splits, test=good.splits.test[::3])
    judgement = judged(good.folder, few, good.limits)
    assert judgement.images == 748
    assert refusals(judgement) == {"images"}


def test_no_images(good: Good) -> None:
    """On no image still less."""
    none = dataclasses.replace(good.splits, test=good.splits.test[:0])
    assert refusals(judged(good.folder, none, good.limits)) == {"images", "classes"}


def test_a_class_without_images(good: Good) -> None:
    """Images that never show a nine do not judge who reads nines."""
    no_nines = np.flatnonzero(good.splits.test.labels != 9)
    without = dataclasses.replace(good.splits, test=good.splits.test[no_nines])
    assert refusals(judged(good.folder, without, good.limits)) == {"classes"}
