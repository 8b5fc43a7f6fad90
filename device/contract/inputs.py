"""What a caller hands in, by the manifest: an image of pixels, or a sequence of numbers; and how it becomes int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Int8
from ..pixels import DIGITS, SIDE
from ..quantisation import PIXEL_QUANTISATION, quantise_bytes, quantise_pixels
from ..signatures import LINES
from .manifest import InputContract, Manifest, ManifestError, TensorContract

Input = npt.NDArray[Any]

_GREY_LEVELS = 255


class InputForm:
    """The shape and type of a model's inputs and of their lines, and how they become the model's int8.

    Attributes:
        name: what messages call an input: crop, image or sequence.
        one: the same with its article.
        dtype: uint8 for an image, float32 for a sequence.
        shape: that of an input; a single channel has no axis.
        line_shape: that of a line.
        along: the time axis of `shape`: 0 if lines are rows or time steps, 1 if they are columns.
        lines: the contract of the lines that `step` takes.
    """

    def __init__(self, manifest: Manifest) -> None:
        contract = manifest.input
        self.is_image = contract.kind == "image"
        self.name = "crop" if is_digits(manifest) else contract.kind
        self.one = f"an {self.name}" if self.name == "image" else f"a {self.name}"
        self.dtype = np.dtype(np.uint8 if self.is_image else np.float32)
        self.shape = _without_channel(contract)
        self.along = 0 if manifest.time_axis == "rows" else 1
        self.line_shape = self.shape[: self.along] + self.shape[self.along + 1 :]
        step_shape = (1, manifest.lines_per_step, *manifest.line_shape)
        self.lines = TensorContract(LINES, step_shape, contract.quantisation)
        self._contract = contract

    def check_scaling(self) -> None:
        """Raises ValueError if the input's scale and zero point do not give the network its pixels."""
        contract, stated = self._contract, self._contract.quantisation
        if contract.normalisation == DIGITS:
            if contract.shape != (1, SIDE, SIDE, 1):
                raise ManifestError(f"Expected crops of shape {[1, SIDE, SIDE, 1]}. Received: {[*contract.shape]}")
            if stated != PIXEL_QUANTISATION:
                raise ValueError(f"Expected pixels as {PIXEL_QUANTISATION}. Received: {stated}")
        elif contract.pixels is not None:
            black, white = contract.pixels
            received = (stated.scale * (-128 - stated.zero_point), stated.scale * (127 - stated.zero_point))
            apart = abs(received[0] - black), abs(received[1] - received[0] - (white - black))
            if max(apart) > stated.scale / 2:
                expected = f"Expected an input that gives pixels in {black:g}..{white:g} (manifest)"
                raise ValueError(f"{expected}. Received: {stated}, {received[0]:g}..{received[1]:g}")

    def checked(self, value: object) -> Input:
        """Returns an input if it has the model's shape and type, and no NaN; else raises ValueError."""
        return self._checked(value, self.name, self.shape)

    def checked_line(self, line: object) -> Input:
        """Returns a line of that shape and type, a masked array as the values that it holds; else raises ValueError."""
        return np.asarray(self._checked(line, "line", self.line_shape))

    def in_lines(self, checked: Input) -> Input:
        """Returns the lines `[lines, ...]` of an input."""
        return checked if self.along == 0 else np.ascontiguousarray(np.moveaxis(checked, self.along, 0))

    def quantised(self, checked: Input) -> Int8:
        """Returns an input as the model takes it, `<int8>[1, ...]`: a pixel p as p - 128."""
        int8 = quantise_pixels(checked) if self.is_image else self._contract.quantisation.quantise(checked)
        return int8.reshape(self._contract.shape)

    @property
    def step_bytes(self) -> Callable[[bytes], bytes]:
        """What gives the model's bytes of those of a step's lines."""
        return quantise_bytes if self.is_image else self._quantised_bytes

    def _quantised_bytes(self, lines: bytes) -> bytes:
        return self._contract.quantisation.quantise(np.frombuffer(lines, self.dtype)).tobytes()

    def _checked(self, value: object, name: str, shape: Sequence[int]) -> Input:
        if not isinstance(value, np.ndarray):
            raise ValueError(f"{self._expected(name, shape)}. Received: {type(value).__name__}")
        if value.shape != shape or value.dtype != self.dtype:
            received = f"shape={value.shape}, dtype={value.dtype}."
            raise ValueError(f"{self._expected(name, shape)}. Received: {received}")
        if not self.is_image and np.isnan(value).any():
            raise ValueError(f"{self._expected(name, shape)} of numbers. Received: NaN")
        return value

    def _expected(self, name: str, shape: Sequence[int]) -> str:
        return f"Expected {name} <{self.dtype}>{[*shape]}"


def is_digits(manifest: Manifest) -> bool:
    """Returns whether inputs are crops that keep the contract of `device.pixels`."""
    return manifest.input.normalisation == DIGITS


def _without_channel(contract: InputContract) -> tuple[int, ...]:
    shape = contract.shape[1:]
    single = contract.kind == "image" and len(shape) > 2 and shape[-1] == 1
    return shape[:-1] if single else shape
