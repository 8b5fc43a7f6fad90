"""The form of a network's inputs: how they are kept, and what the network sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from device.arrays import Float32, Int8, UInt8
from device.manifest import TensorContract
from device.pixels import INK, SIDE
from device.quantisation import quantise_pixels

if TYPE_CHECKING:
    from converters.quantisation.ranges import Range

Inputs = UInt8 | Float32


@dataclass(frozen=True)
class DataForm:
    """Inputs of the shape `[...]` that a network takes, without the batch.

    An `image` is kept as grey levels, `<uint8>[height, width, channels]`, or `[height, width]` if it has one channel; a
    video has an axis of frames before these;
    the network sees `pixels[0]` for level 0 and `pixels[1]` for 255. A `sequence` is kept as the network takes it.
    """

    kind: Literal["image", "sequence"]
    shape: tuple[int, ...]
    pixels: tuple[float, float] | None
    normalisation: Literal["", "digits"] = ""

    def __post_init__(self) -> None:
        if (self.kind == "image") == (self.pixels is None):
            raise ValueError(f"Expected pixels for an image, none for a sequence. Received: {self}")

    @property
    def range(self) -> Range | None:
        """The range of an image's pixels as the network takes them; None for a sequence."""
        from converters.quantisation.ranges import Range  # noqa: PLC0415  # reports need no interpreter

        return None if self.pixels is None else Range(min(self.pixels), max(self.pixels))

    def real(self, inputs: Inputs) -> Float32:
        """Returns inputs `[n, ...]` as the network takes them, `<float32>[n, *shape]`."""
        if self.pixels is not None:
            low, high = map(np.float32, self.pixels)
            inputs = low + (high - low) * (inputs / np.float32(INK))
        return np.asarray(inputs, np.float32).reshape(len(inputs), *self.shape)

    def quantised(self, one: Inputs, tensor: TensorContract) -> Int8:
        """Returns one input `[...]` as the int8 file takes it, `<int8>[*shape]`."""
        if self.kind == "image":
            return quantise_pixels(np.asarray(one, np.uint8)).reshape(self.shape)
        return tensor.quantisation.quantise(np.asarray(one, np.float32)).reshape(self.shape)


DIGITS = DataForm("image", (SIDE, SIDE, 1), (0.0, 1.0), "digits")
