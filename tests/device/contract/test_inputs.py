"""Tests of `device.contract.inputs`: what a caller may hand in, by the manifest, and the int8 that it becomes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from device.contract.inputs import InputForm
from device.contract.manifest import InputContract, Manifest, ManifestError, read_manifest
from device.quantisation import Quantisation
from tests.conftest import MODELS

DIGITS = read_manifest(MODELS / "rows2d")


def manifest(shape: tuple[int, ...], *, columns: bool = False, **changes: object) -> Manifest:
    fields = {"kind": "image", "pixels": (-1.0, 1.0), "normalisation": "", "quantisation": Quantisation(2 / 255, 0)}
    contract = InputContract("crop", (1, *shape), **{**fields, **changes})  # type: ignore[arg-type]
    changed = dataclasses.replace(DIGITS, input=contract, time_axis="rows", steps=shape[0], lines_per_step=1)
    return dataclasses.replace(changed, time_axis="columns", steps=shape[1]) if columns else changed


def sequence(*shape: int) -> Manifest:
    return manifest(shape, kind="sequence", pixels=None, quantisation=Quantisation(0.5, 3))


@pytest.mark.parametrize(
    ("given", "one"), [(DIGITS, "a crop"), (manifest((12, 10, 3)), "an image"), (sequence(20, 8), "a sequence")]
)
def test_messages_name_the_input(given: Manifest, one: str) -> None:
    """Digits are crops; everything else is called by its kind."""
    assert InputForm(given).one == one


@pytest.mark.parametrize(
    ("given", "shape", "line", "dtype"),
    [
        (DIGITS, (28, 28), (28,), "uint8"),
        (manifest((12, 10, 3)), (12, 10, 3), (10, 3), "uint8"),
        (manifest((12, 10, 3), columns=True), (12, 10, 3), (12, 3), "uint8"),
        (manifest((12, 10, 1), columns=True), (12, 10), (12,), "uint8"),
        (manifest((12, 1)), (12, 1), (1,), "uint8"),
        (sequence(20, 8), (20, 8), (8,), "float32"),
        (sequence(20, 1), (20, 1), (1,), "float32"),
        (sequence(5, 4, 4, 1), (5, 4, 4, 1), (4, 4, 1), "float32"),
    ],
    ids=["digits", "colours", "columns of colours", "columns", "no channels", "sequence", "one feature", "frames"],
)
def test_shapes(given: Manifest, shape: tuple[int, ...], line: tuple[int, ...], dtype: str) -> None:
    """An image with one channel has no axis for it; a line has the axes that are not time."""
    form = InputForm(given)
    assert (form.shape, form.line_shape, form.dtype) == (shape, line, np.dtype(dtype))
    one = np.zeros(shape, dtype)
    assert form.checked(one) is one
    assert form.in_lines(one).shape == (given.lines, *line)


def test_a_line_passes() -> None:
    """A column of a crop is a line, though it has gaps in memory."""
    column = np.zeros((28, 28), np.uint8)[:, 3]
    assert InputForm(DIGITS).checked_line(column) is column


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        (np.zeros((28, 27), np.uint8), "Expected crop <uint8>[28, 28]. Received: shape=(28, 27), dtype=uint8."),
        (np.zeros((1, 28, 28), np.uint8), "Expected crop <uint8>[28, 28]. Received: shape=(1, 28, 28), dtype=uint8."),
        (np.zeros((28, 28), np.float32), "Expected crop <uint8>[28, 28]. Received: shape=(28, 28), dtype=float32."),
        (np.zeros((28, 28), bool), "Expected crop <uint8>[28, 28]. Received: shape=(28, 28), dtype=bool."),
        (np.zeros((28, 28), np.int8), "Expected crop <uint8>[28, 28]. Received: shape=(28, 28), dtype=int8."),
        (np.zeros(784, bool), "Expected crop <uint8>[28, 28]. Received: shape=(784,), dtype=bool."),
        ([[0] * 28] * 28, "Expected crop <uint8>[28, 28]. Received: list"),
        (None, "Expected crop <uint8>[28, 28]. Received: NoneType"),
    ],
)
def test_refuses_other_crops(crop: object, message: str) -> None:
    """Another shape, dtype or type is refused with what was expected and what came."""
    with pytest.raises(ValueError, match=r"^Expected crop") as error:
        InputForm(DIGITS).checked(crop)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (np.zeros(27, np.float32), "Expected line <uint8>[28]. Received: shape=(27,), dtype=float32."),
        (np.zeros(28, bool), "Expected line <uint8>[28]. Received: shape=(28,), dtype=bool."),
        (np.zeros(29, np.uint8), "Expected line <uint8>[28]. Received: shape=(29,), dtype=uint8."),
        (np.zeros((28, 1), np.uint8), "Expected line <uint8>[28]. Received: shape=(28, 1), dtype=uint8."),
        (bytes(28), "Expected line <uint8>[28]. Received: bytes"),
    ],
)
def test_refuses_other_lines(line: object, message: str) -> None:
    """Another shape, dtype or type is refused with what was expected and what came."""
    with pytest.raises(ValueError, match=r"^Expected line") as error:
        InputForm(DIGITS).checked_line(line)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("given", "value", "message"),
    [
        (
            manifest((12, 10, 3)),
            np.zeros((12, 10), np.uint8),
            "Expected image <uint8>[12, 10, 3]. Received: shape=(12, 10), dtype=uint8.",
        ),
        (
            sequence(20, 8),
            np.zeros((20, 8)),
            "Expected sequence <float32>[20, 8]. Received: shape=(20, 8), dtype=float64.",
        ),
        (
            sequence(2, 1),
            np.array([[0], [np.nan]], np.float32),
            "Expected sequence <float32>[2, 1] of numbers. Received: NaN",
        ),
    ],
)
def test_refuses_other_inputs(given: Manifest, value: object, message: str) -> None:
    """Images and sequences are refused also, and a sequence with NaN."""
    with pytest.raises(ValueError, match=r"^Expected (image|sequence)") as error:
        InputForm(given).checked(value)
    assert str(error.value) == message


def test_columns_are_lines_without_gaps() -> None:
    """The lines of an image that is read by columns are its columns, with their channels."""
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    lines = InputForm(manifest((2, 4, 3), columns=True)).in_lines(image)
    assert lines[1].tolist() == [[3, 4, 5], [15, 16, 17]]
    assert lines.flags.c_contiguous


def test_pixels_become_int8_whatever_they_mean() -> None:
    """A pixel p is p - 128 for the model: its scale and zero point stand for what the network sees."""
    form = InputForm(manifest((1, 3, 1)))
    assert form.quantised(np.array([[0, 128, 255]], np.uint8)).tolist() == [[[[-128], [0], [127]]]]
    assert form.step_bytes(b"\x00\x80\xff") == b"\x80\x00\x7f"


def test_numbers_become_int8_by_the_inputs_scale() -> None:
    """Numbers are quantised by scale and zero point, whole and line by line, and clipped to what int8 holds."""
    form, numbers = InputForm(sequence(2, 2)), np.array([[0, 1], [-2, 1e9]], np.float32)
    assert form.quantised(numbers).tolist() == [[[3, 5], [-1, 127]]]
    assert form.step_bytes(numbers.tobytes()) == b"\x03\x05\xff\x7f"


@pytest.mark.parametrize(
    ("pixels", "scale", "zero_point"),
    [
        ((-1, 1), 2 / 255, 0),
        ((-1, 1), 2 / 255, -1),
        ((0, 255), 1.0, -128),
        ((0, 1), 1 / 255, -128),
        ((5, 7), 2 / 255, -128),
    ],
)
def test_scaling(pixels: tuple[float, float], scale: float, zero_point: int) -> None:
    """A scale and zero point that give the network its pixels pass, to half a grey level."""
    fits = pixels != (5, 7)
    form = InputForm(manifest((2, 2, 1), pixels=pixels, quantisation=Quantisation(scale, zero_point)))
    if fits:
        form.check_scaling()
        return
    with pytest.raises(ValueError, match=r"^Expected an input that gives pixels in 5\.\.7 \(manifest\)\. Received: "):
        form.check_scaling()


def test_refuses_another_scale() -> None:
    """A scale for pixels of 0..1 is refused where the network takes -1..1."""
    form = InputForm(manifest((2, 2, 1), quantisation=Quantisation(1 / 255, 0)))
    with pytest.raises(
        ValueError, match=r"gives pixels in -1\.\.1 \(manifest\)\. Received: .*, -0\.501961\.\.0\.498039$"
    ):
        form.check_scaling()


def test_digits_have_one_form() -> None:
    """A manifest that calls other images digits is refused."""
    contract = dataclasses.replace(DIGITS.input, shape=(1, 28, 28, 3))
    with pytest.raises(ManifestError, match=r"^Expected crops of shape \[1, 28, 28, 1\]\. Received: \[1, 28, 28, 3\]$"):
        InputForm(dataclasses.replace(DIGITS, input=contract)).check_scaling()
