"""The int8 arithmetic at a model's edges, shared by training, gate and device.

Values round to the nearest integer, ties to even, then clip, then cast. A cast that truncates instead costs accuracy
without an error.

Source: TensorFlow Lite 8-bit quantization specification, https://ai.google.dev/edge/litert/models/quantization_spec.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Float32, Int8, UInt8

_MAX_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Quantisation:
    """An affine map, `real = scale * (int8 - zero_point)`, with one scale for the whole tensor."""

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not (0 < self.scale <= _MAX_FLOAT32 and np.float32(self.scale) > 0):
            raise ValueError(f"Expected a finite scale > 0. Received: scale={self.scale}")
        if not -128 <= self.zero_point <= 127:
            raise ValueError(f"Expected a zero point in -128..127. Received: zero_point={self.zero_point}")

    def quantise(self, real: Float32) -> Int8:
        """Returns `<int8>[...]` for real values `<float32>[...]`; raises ValueError for NaN."""
        if np.isnan(real).any():
            raise ValueError("Expected numbers to quantise. Received: NaN")
        steps = np.round(real / self.scale) + self.zero_point
        return np.asarray(np.clip(steps, -128, 127), np.int8)

    def dequantise(self, quantised: Int8) -> Float32:
        """Returns the real values `<float32>[...]` that `<int8>[...]` stands for."""
        return np.asarray(np.float32(self.scale) * (quantised.astype(np.float32) - np.float32(self.zero_point)))


# A pixel p, whose real value is p / 255, becomes p - 128 exactly: nothing is lost at the input.
PIXEL_QUANTISATION = Quantisation(scale=float(np.float32(1 / 255)), zero_point=-128)
# An array without axes: numpy would make one of a scalar in every call.
_SIGN_BIT = np.array(128, np.uint8)
_QUANTISED = bytes(pixel ^ 128 for pixel in range(256))


def quantise_pixels(pixels: UInt8) -> Int8:
    """Returns pixels `<uint8>[...]` as the model takes them: `<int8>[...]`, quantised by `PIXEL_QUANTISATION`."""
    return np.bitwise_xor(pixels, _SIGN_BIT).view(np.int8)


def quantise_bytes(pixels: bytes) -> bytes:
    """Returns the bytes of pixels quantised as by `quantise_pixels`: for a few pixels numpy takes longer."""
    return pixels.translate(_QUANTISED)


class Softmax:
    """Turns int8 logits into probabilities by a table: an int8 difference has 256 values.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, section 4.2 (temperature).
    """

    def __init__(self, quantisation: Quantisation, temperature: float) -> None:
        """Fills the table of `exp(-scale * difference / temperature)`."""
        self._weights = [math.exp(-quantisation.scale * difference / temperature) for difference in range(256)]
        self._tables: dict[int, list[float]] = {}

    def __call__(self, logits: Sequence[int]) -> list[float]:
        """Returns the probabilities of logits given as raw int8 values."""
        weights, total = self.weights(logits, max(logits))
        return [weights[logit] / total for logit in logits]

    def weights(self, logits: Sequence[int], greatest: int) -> tuple[Sequence[float], float]:
        """Returns the weight of each raw logit, and the sum of those of `logits`, of which one is the greatest.

        A logit's probability is its weight by that sum. A negative logit counts from the end of the weights.
        """
        table = self._tables.get(greatest) or self._table(greatest)
        return table, sum(map(table.__getitem__, logits))

    def _table(self, greatest: int) -> list[float]:
        logits = (*range(128), *range(-128, 0))
        table = [self._weights[greatest - logit] if logit <= greatest else 0.0 for logit in logits]
        self._tables[greatest] = table
        return table
