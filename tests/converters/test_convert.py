"""Tests of `converters.convert`, with the child processes that it starts."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from converters.convert import Conversion, ConversionError, convert, run_child
from converters.tflite.graph import read_graphs
from converters.tflite.micro import graph_alone
from converters.workspace import Request, Workspace
from tests.conftest import Converted, Digits
from tests.support.conversions import convert_into, read_conversion

Crops = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Refusal:
    """The message of a conversion that failed, and the temporary files that it left."""

    message: str
    left: list[Path]


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Has this process and the ones it starts put their temporary files into a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield


def refusal(folder: Path, network: keras.Sequential, calibration: Crops) -> Refusal:
    with temporary_files_in(folder), pytest.raises(ConversionError) as error:
        convert(network, calibration)
    return Refusal(str(error.value), list(folder.iterdir()))


def linear_network() -> keras.Sequential:
    return keras.Sequential([layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])


def child(code: str, folder: Path) -> None:
    """Runs Python code as the child of a conversion, with the conversion's folder as its first argument."""
    run_child([sys.executable, "-c", code, str(folder)], Workspace(folder))


@pytest.fixture(scope="module")
def again(converted_small: Converted, tmp_path_factory: pytest.TempPathFactory) -> tuple[Conversion, list[Path]]:
    """The small network converted a second time, and the temporary files that this left."""
    folder = tmp_path_factory.mktemp("again")
    with temporary_files_in(folder):
        conversion = convert(converted_small.network, converted_small.crops)
    # TensorFlow writes functions as modules there, which Python compiles.
    return conversion, [path for path in folder.iterdir() if path.name != "__pycache__"]


@pytest.fixture(scope="module")
def unknown_layer(tmp_path_factory: pytest.TempPathFactory) -> Refusal:
    """A network with two layers that cannot be lowered."""
    network = keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.Reshape((4, 4)),
            layers.Masking(name="masked"),
            layers.Embedding(3, 2, name="looked_up"),
        ]
    )
    return refusal(tmp_path_factory.mktemp("unknown"), network, np.zeros((1, 4, 4, 1), np.float32))


@pytest.mark.slow
def test_same_bytes(converted_small: Converted, again: tuple[Conversion, list[Path]]) -> None:
    """The same weights and crops give the same two files, byte for byte, in another process."""
    assert again[0].float_tflite == converted_small.conversion.float_tflite
    assert again[0].int8_tflite == converted_small.conversion.int8_tflite


def test_graphs_are_those_of_the_int8_file(converted_small: Converted) -> None:
    """The graphs of a conversion are those of its int8 file, by signature."""
    (classify,) = read_graphs(converted_small.conversion.int8_tflite)
    assert converted_small.conversion.graphs == {"classify": classify}


def test_float_file_equals_keras(converted_small: Converted) -> None:
    """The float file gives what Keras gives at inference."""
    classify = Interpreter(model_content=converted_small.conversion.float_tflite).get_signature_runner("classify")
    logits = [classify(crop=crop[np.newaxis])["logits"][0] for crop in converted_small.crops]
    np.testing.assert_allclose(logits, converted_small.network(converted_small.crops, training=False), atol=1e-5)


def test_classifies_as_keras_does(converted_rows2d: Converted, digits: Digits) -> None:
    """The int8 file of a trained variant agrees with Keras on at least 196 of 200 real digits."""
    crops = digits[0][np.linspace(0, 299, 200).astype(int), ..., np.newaxis]
    classify = Interpreter(model_content=converted_rows2d.conversion.int8_tflite).get_signature_runner("classify")
    pixels = (crops.astype(np.int16) - 128).astype(np.int8)
    int8 = np.array([classify(crop=crop[np.newaxis])["logits"][0].argmax() for crop in pixels])
    expected = np.asarray(converted_rows2d.network(crops / np.float32(255), training=False)).argmax(axis=1)
    assert len(set(expected.tolist())) == 10
    assert (int8 == expected).sum() >= 196


@pytest.mark.slow
def test_a_small_file(tmp_path: Path) -> None:
    """It holds `step` alone, one scale for each matrix and no names of tensors, and is smaller than `step` was."""
    network = keras.Sequential([layers.Input((8, 6)), layers.LSTM(5), layers.Dense(3)])
    sequences = np.random.default_rng(1).normal(size=(9, 8, 6)).astype(np.float32)
    convert_into(tmp_path, network, sequences, Request(None, keep_head=False, precision="int8"))
    plain, small = read_conversion(tmp_path), convert(network, sequences, None, small=True)
    assert (list(plain.graphs), list(small.graphs)) == (["step", "classify"], ["step"])
    step = small.graphs["step"]
    products = [operator for operator in step.operators if operator.name == "FULLY_CONNECTED"]
    assert [len(product.inputs[1].scales) for product in products] == [1, 1, 1]
    assert [tensor.name for tensor in step.tensors] == [str(number) for number in range(len(step.tensors))]
    assert len(small.int8_tflite) < len(graph_alone(plain.int8_tflite)) - 1_000


@pytest.mark.thorough
def test_refuses_a_layer_it_does_not_know(unknown_layer: Refusal) -> None:
    """A network that cannot be lowered ends the conversion at its first step, and leaves no temporary file."""
    assert unknown_layer.left == []
    assert unknown_layer.message.startswith("The conversion failed at the step 'unroll': ")
    assert "masked: a Masking cannot be lowered" in unknown_layer.message
    assert "looked_up: an Embedding cannot be lowered" in unknown_layer.message


@pytest.mark.slow
def test_leaves_nothing_behind(again: tuple[Conversion, list[Path]]) -> None:
    """A conversion leaves no temporary file."""
    assert again[1] == []


def test_refuses_a_nan_in_calibration() -> None:
    """One NaN among the calibration crops is refused before anything is converted."""
    calibration = np.zeros((3, 4, 4, 1), np.float32)
    calibration[1, 2, 3, 0] = np.nan
    with pytest.raises(ValueError, match=r"Expected calibration inputs <float32>\[n, 4, 4, 1\] in 0..1. Received: NaN"):
        convert(linear_network(), calibration)


def test_refuses_no_calibration() -> None:
    """Without calibration crops there is no int8 file."""
    with pytest.raises(ValueError, match=r"Expected calibration inputs .* Received: shape=\(0, 4, 4, 1\)"):
        convert(linear_network(), np.zeros((0, 4, 4, 1), np.float32))


def test_refuses_calibration_of_another_shape_or_range() -> None:
    """Calibration crops are what the network takes: as large, and in 0..1."""
    for calibration in (np.zeros((3, 4, 4), np.float32), np.full((3, 4, 4, 1), 255, np.float32)):
        with pytest.raises(ValueError, match=r"Expected calibration inputs <float32>\[n, 4, 4, 1\] in 0..1"):
            convert(linear_network(), calibration)


def test_names_the_signal_that_ended_the_child(tmp_path: Path) -> None:
    """A child that crashes raises an error with its step and the signal."""
    crash = """
import os, pathlib, signal, sys
pathlib.Path(sys.argv[1], "step.txt").write_text("write float TFLite")
os.kill(os.getpid(), signal.SIGSEGV)
"""
    message = r"^The conversion failed at the step 'write float TFLite': the process ended with SIGSEGV$"
    with pytest.raises(ConversionError, match=message):
        child(crash, tmp_path)


def test_names_the_error_that_ended_the_child(tmp_path: Path) -> None:
    """A child that raises ends in an error with its step and the exception, without the traceback."""
    raises = """
import pathlib, sys
pathlib.Path(sys.argv[1], "step.txt").write_text("unroll")
print("a warning, say", file=sys.stderr)
raise ValueError("lstm: seven")
"""
    message = r"^The conversion failed at the step 'unroll': ValueError: lstm: seven$"
    with pytest.raises(ConversionError, match=message):
        child(raises, tmp_path)


def test_gives_the_exit_status_of_a_silent_child(tmp_path: Path) -> None:
    """A child that fails before its first step and prints nothing ends in an error with its exit status."""
    with pytest.raises(ConversionError, match=r"^The conversion failed at the step 'start': exit status 3$"):
        child("raise SystemExit(3)", tmp_path)


def test_prints_nothing_of_a_child_that_succeeds(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The output of a child that succeeds is not printed."""
    child("import sys; print('done'); print('a warning, say', file=sys.stderr)", tmp_path)
    assert capfd.readouterr() == ("", "")
