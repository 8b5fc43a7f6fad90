"""Loads a peer's file in the runtime that it is for.

Sources: LiteRT's Interpreter; TFLite Micro's python/tflite_micro/runtime.py; Keras' Model; ONNX Runtime's
InferenceSession.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from device.arrays import Float32

_ARENA_BYTES = 8_000_000
_BATCH = 250


@dataclass(frozen=True)
class Loaded:
    """A peer that is ready: `prepare` inputs `<float32>[n, ...]` as the network takes them, and `call` it on those.

    Only `call` is timed. It returns a number for each class, `[n, classes]`, and takes `batch` inputs at most.
    """

    prepare: Callable[[Float32], Any]
    call: Callable[[Any], Any]
    batch: int = 1

    def labels(self, inputs: Float32) -> npt.NDArray[np.intp]:
        """Returns the index of the most probable class of each input."""
        parts = np.split(inputs, range(self.batch, len(inputs), self.batch))
        answers = [np.asarray(self.call(self.prepare(part))).reshape(len(part), -1) for part in parts]
        return np.asarray(np.argmax(np.concatenate(answers), axis=1), np.intp)


def litert(path: Path, threads: int) -> Loaded:
    """Returns `classify`, or a file's only signature, on LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    signatures = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner("classify" if "classify" in signatures else None)
    ((name, details),) = runner.get_input_details().items()
    return Loaded(lambda one: _quantised(one, details), lambda x: next(iter(runner(**{name: x}).values())))


def litert_reset(path: Path, threads: int) -> Loaded:
    """Returns a file's first graph on LiteRT, whose variables are reset before each call."""
    return _first_graph(path, threads, resets=True)


def litert_kept(path: Path, threads: int) -> Loaded:
    """Returns a file's first graph on LiteRT, whose variables stay from one call to the next."""
    return _first_graph(path, threads, resets=False)


def runner(path: Path, threads: int) -> Loaded:
    """Returns the device's `Runner.classify` of a model's file: from grey levels or numbers to an answer."""
    from device.contract.inputs import InputForm
    from device.runner import Runner

    model = Runner(path.parent, threads)
    contract, form = model.manifest.input, InputForm(model.manifest)
    classes = np.arange(len(model.manifest.output.labels))

    def given(x: Float32) -> Any:
        levels = (contract.quantisation.quantise(x).astype(np.int16) + 128).astype(np.uint8)
        return (levels if form.is_image else x).reshape(form.shape)

    return Loaded(given, lambda x: model.classify(x).index == classes)


def micro(path: Path, threads: int) -> Loaded:
    """Returns a file's first graph on TFLite Micro, reset for each input; it has one thread, and prints its arena."""
    from tflite_micro.python.tflite_micro import runtime

    if threads != 1:
        raise ValueError(f"Expected one thread. Received: {threads}")
    interpreter = runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=_ARENA_BYTES)
    details = interpreter.get_input_details(0)
    parameters = details["quantization_parameters"]
    quantised = {"dtype": details["dtype"], "quantization": (parameters["scales"][0], parameters["zero_points"][0])}

    def call(x: Any) -> Any:
        interpreter.reset()
        interpreter.set_input(x, 0)
        interpreter.invoke()
        return interpreter.get_output(0)

    interpreter.print_allocations()
    return Loaded(lambda one: _quantised(one, quantised), call)


def keras_eager(path: Path, threads: int) -> Loaded:
    """Returns a Keras network, called."""
    network = _keras(path, threads)
    return Loaded(lambda inputs: inputs, lambda x: network(x, training=False).numpy(), _BATCH)


def keras_compiled(path: Path, threads: int) -> Loaded:
    """Returns a Keras network inside a `tf.function`."""
    import tensorflow as tf

    network = _keras(path, threads)
    compiled = tf.function(lambda x: network(x, training=False))
    return Loaded(tf.constant, lambda x: compiled(x).numpy(), _BATCH)


def onnx_runtime(path: Path, threads: int) -> Loaded:
    """Returns an ONNX file on ONNX Runtime's processor provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return Loaded(lambda x: {given.name: x}, lambda named: session.run(None, named)[0])


ENGINES: Mapping[str, Callable[[Path, int], Loaded]] = MappingProxyType(
    {
        each.__name__: each
        for each in (litert, litert_reset, litert_kept, runner, micro, keras_eager, keras_compiled, onnx_runtime)
    }
)


def _first_graph(path: Path, threads: int, *, resets: bool) -> Loaded:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (given,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()

    def call(x: Any) -> Any:
        if resets:
            interpreter.reset_all_variables()
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return Loaded(lambda one: _quantised(one, given), call)


def _keras(path: Path, threads: int) -> Any:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf.keras.models.load_model(path)


def _quantised(x: Float32, details: Mapping[str, Any]) -> Any:
    """Returns inputs as the tensor takes them: rounded, clipped and cast if it is an integer."""
    kind = np.dtype(details["dtype"])
    if kind.kind == "f":
        return x
    scale, zero = details["quantization"]
    limits = np.iinfo(kind)
    return np.clip(np.rint(x / scale) + zero, limits.min, limits.max).astype(kind)
