"""Files that TFLite makes of the same weights without this project, for `bench` to compare.

`keras_unrolled` uses Keras' `unroll=True`; `fused` uses TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM, which the converter
makes of a function marked as an LSTM.

Source: TensorFlow's PrepareCompositeFunctionsPass, in
tensorflow/compiler/mlir/lite/transforms/prepare_composite_functions_tf.cc.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any, Literal, cast

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from converters.lowering.cells import LSTMCell
from converters.lowering.lower import lowered
from converters.lowering.operations import Operation, Recurrence
from device.arrays import Float32
from device.signatures import CLASSIFY, CROP, LOGITS

_UNROLLED = (layers.LSTM, layers.GRU, layers.SimpleRNN)


Precision = Literal["float", "dynamic range", "int8"]


def keras_unrolled(
    network: keras.Model, calibration: Float32, precision: Precision = "int8", *, batch: int = 1
) -> bytes:
    """Returns the flatbuffer of `network` with its recurrent layers unrolled by Keras, for so many inputs in a call."""

    def unrolled(layer: keras.Layer) -> keras.Layer:
        settings = layer.get_config()
        return type(layer).from_config(settings | {"unroll": True} if isinstance(layer, _UNROLLED) else settings)

    clone = keras.models.clone_model(network, clone_function=unrolled)
    clone.set_weights(network.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        clone.export(folder, format="tf_saved_model", input_signature=[_crop(network, batch)], verbose=False)
        return _converted(folder, np.repeat(calibration[:, np.newaxis], batch, axis=1), precision)


def looped(network: keras.Model, calibration: Float32) -> bytes:
    """Returns the float flatbuffer of `network` with its recurrent layers as loops, as Keras exports them.

    In int8 TensorFlow's converter ends the process on it.
    """
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, format="tf_saved_model", input_signature=[_crop(network)], verbose=False)
        return _converted(folder, calibration[:, np.newaxis], "float")


def fused(network: keras.Model, calibration: Float32) -> bytes:
    """Returns the int8 flatbuffer of `network` with its LSTM as one operator; raises ValueError without exactly one."""
    operations = [node.operation for node in lowered(network).nodes]
    recurrent = [index for index, each in enumerate(operations) if isinstance(each, Recurrence)]
    if len(recurrent) != 1:
        raise ValueError(f"Expected a network with one LSTM layer. Received: {len(recurrent)}")
    (at,) = recurrent
    recurrence = cast("Recurrence", operations[at])
    cell = recurrence.unrolled.cell
    if not isinstance(cell, LSTMCell):
        raise ValueError(f"Expected a network with one LSTM layer. Received: {type(cell).__name__}")
    lstm = _marked_lstm()

    def classify(crop: tf.Tensor) -> dict[str, tf.Tensor]:
        x = _applied(operations[:at], crop)
        zero = tf.zeros((1, cell.units))
        last, every, *_ = lstm(x, zero, zero, *map(tf.constant, (cell.kernel, cell.recurrent_kernel, cell.bias)))
        return {LOGITS: _applied(operations[at + 1 :], every if recurrence.return_sequences else last)}

    module = tf.Module()
    module.classify = tf.function(classify, input_signature=[_crop(network)], autograph=False)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={CLASSIFY: module.classify})
        return _converted(folder, calibration[:, np.newaxis], "int8")


def _applied(operations: Sequence[Operation], x: tf.Tensor) -> tf.Tensor:
    for operation in operations:
        x = operation(x)
    return x


def _marked_lstm() -> Any:
    def lstm(x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, *weights: tf.Tensor) -> tuple[tf.Tensor, ...]:
        kernel, recurrent_kernel, bias = weights
        hidden = []
        for t in range(x.shape[1]):
            i, f, g, o = tf.split(x[:, t] @ kernel + bias + h @ recurrent_kernel, 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
            hidden.append(h)
        return h, tf.stack(hidden, axis=1), h, c, tf.constant(1.0)

    marks = {"api_implements": "lstm_rowstream", "go_backwards": False, "time_major": False}
    return tf.function(lstm, experimental_attributes=marks, autograph=False)


def _crop(network: keras.Model, batch: int = 1) -> tf.TensorSpec:
    return tf.TensorSpec((batch, *network.input_shape[1:]), tf.float32, name=CROP)


def _converted(saved_model: str, batches: Float32, precision: Precision) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    if precision != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        converter.representative_dataset = lambda: ([batch] for batch in batches)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())
