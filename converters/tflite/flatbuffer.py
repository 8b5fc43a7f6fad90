"""Loads and dumps TFLite flatbuffers as the schema's own objects; `converters.tflite.graph` interprets them.

Source: TensorFlow Lite schema v3 (tensorflow/compiler/mlir/lite/schema/schema.fbs).
"""

from __future__ import annotations

import struct

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16


def load(content: bytes) -> schema.ModelT:
    """Returns the model with every constant in its buffer, even if the file keeps it outside the flatbuffer.

    Raises ValueError if the bytes are not a TFLite flatbuffer.
    """
    if content[4:8] != _IDENTIFIER:
        raise ValueError(f"Expected a TFLite flatbuffer ({_IDENTIFIER!r}). Received: {content[4:8]!r}")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except (AttributeError, IndexError, TypeError, ValueError, struct.error) as error:
        raise ValueError(f"Expected a TFLite flatbuffer. Received: a body that cannot be read ({error})") from error
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def dump(model: schema.ModelT) -> bytes:
    """Returns a flatbuffer with all constants inside, aligned as the schema requires (`force_align: 16`)."""
    builder = _FrugalBuilder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


class _FrugalBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
    """Writes equal vectors once, and aligns byte vectors so that kernels can read weights in place.

    The generated Python code writes every vector again, even the zero points of 512 channels, and aligns bytes to 1.
    """

    def __init__(self, initial_size: int) -> None:
        super().__init__(initial_size)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[np.generic]) -> int:  # noqa: N802  # overrides a method of the base class
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self._written[key] = self._aligned_bytes(x) if x.dtype == np.uint8 else super().CreateNumpyVector(x)
        return self._written[key]

    def _aligned_bytes(self, x: npt.NDArray[np.generic]) -> int:
        self.StartVector(x.itemsize, x.size, _BUFFER_ALIGNMENT)
        self.head -= x.size
        self.Bytes[self.head : self.head + x.size] = x.tobytes()
        self.vectorNumElems = x.size
        return int(self.EndVector())
