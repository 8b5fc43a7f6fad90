"""What a model is measured beside: each way to run the same weights, and what of it can be had here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A way to run a network: the form of its file (`pipeline.bench.peers.make`) and the engine that loads it.

    `form` is empty for the release's own file. `packages` names a lock file in `locks` of what the project does not
    need itself. What is `for_npu` is also compiled for an Ethos-U. `unavailable` says why it cannot be measured here.
    """

    name: str
    engine: str
    form: str
    threads: tuple[int, ...] = (1, 2)
    packages: str = ""
    for_npu: bool = False
    unavailable: str = ""

    def __post_init__(self) -> None:
        if not self.unavailable and (not self.engine or not self.threads or min(self.threads) < 1):
            raise ValueError(f"Expected an engine and threads >= 1. Received: {self}")

    @property
    def suffix(self) -> str:
        """That of the file's name."""
        kind = self.form.partition("-")[0]
        return f".{kind}" if kind in {"keras", "onnx"} else ".tflite"


_TORCH = "not installed: its wheel for x86-64 needs CUDA's libraries, some 3 GB"
# The first one is what the others are compared with.
PEERS = (
    Peer("Rowstream int8", "litert", "", for_npu=True),
    Peer("Rowstream int8, Runner.classify", "runner", ""),
    Peer("Rowstream float", "litert", "float"),
    Peer("Keras unroll=True, int8", "litert", "unrolled-int8", for_npu=True),
    Peer("Keras unroll=True, dynamic range", "litert", "unrolled-dynamic"),
    Peer("Keras unroll=True, float", "litert", "unrolled-float"),
    Peer("fused LSTM operator, int8", "litert_reset", "fused-int8", for_npu=True),
    Peer("fused LSTM operator, never reset", "litert_kept", "fused-int8"),
    Peer("WHILE loop, float", "litert", "looped-float"),
    Peer("TFLite Micro, Rowstream int8", "micro", "classify", (1,)),
    Peer("Keras, called", "keras_eager", "keras"),
    Peer("Keras in tf.function", "keras_compiled", "keras"),
    Peer("ONNX Runtime, float", "onnx_runtime", "onnx-float", packages="onnx"),
    Peer("ONNX Runtime, static int8", "onnx_runtime", "onnx-int8", packages="onnx"),
    Peer("plain CNN trained here, int8", "litert", "cnn", for_npu=True),
    Peer("separable CNN trained here, int8", "litert", "separable", for_npu=True),
    Peer("TFLite Micro's mnist_lstm trained here, int8", "litert_reset", "mnist_lstm", for_npu=True),
    Peer("TFLite Micro, plain CNN", "micro", "cnn", (1,)),
    Peer("TFLite Micro, its mnist_lstm", "micro", "mnist_lstm", (1,)),
    Peer("PyTorch", "", "", (), unavailable=_TORCH),
)
