"""Tests of loading networks: files of Keras 3 and Keras 2, build functions, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from converters.loading.load import load_network
from converters.loading.safely import loaded_safely
from converters.loading.source import LoadError
from tests.support import keras2
from tests.support.checkout import THOROUGH

KERAS2 = Path(keras2.__file__).parent
INPUTS = np.load(KERAS2 / "inputs.npy")
PREDICTIONS = np.load(KERAS2 / "predictions.npy")
BUILD = """
import keras
import beside
def build():
    return keras.Sequential([keras.Input((4, beside.FEATURES)), keras.layers.LSTM(3)])
def sized(units, layers=1, kind="LSTM"):
    return keras.Sequential([keras.Input((4, 5)), getattr(keras.layers, kind)(units)])
def unbuilt():
    return keras.Sequential([keras.layers.LSTM(3)])
def crash():
    import os
    os.abort()
def hang():
    import time
    time.sleep(600)
def other():
    return 7
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "program.py").write_text(BUILD)
    (tmp_path / "beside.py").write_text("FEATURES = 5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path / "program.py"


def small() -> keras.Sequential:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Reshape((8, 8)), layers.GRU(3), layers.Dense(4)])


@pytest.mark.parametrize("name", ["network.keras", "network.h5"])
def test_a_file_of_keras_3_predicts_as_the_network(tmp_path: Path, name: str) -> None:
    """Files of both formats of Keras 3 give the network's own predictions."""
    network = small()
    network.save(tmp_path / name)
    loaded = load_network(str(tmp_path / name), trust=False)
    np.testing.assert_array_equal(loaded(INPUTS), network(INPUTS))


def test_an_h5_file_of_keras_2_predicts_as_keras_2_did() -> None:
    """An h5 file of Keras 2 with `time_major` in its LSTM gives what Keras 2 predicted, and has its loss."""
    network = load_network(str(KERAS2 / "crnn.h5"), trust=False)
    np.testing.assert_allclose(network(INPUTS), PREDICTIONS, atol=1e-6)
    assert network.loss is keras.losses.sparse_categorical_crossentropy


@pytest.mark.parametrize(("version", "refused"), [("2.4.0", True), ("3.12.0", False)])
def test_an_activation_that_changed_since_keras_2_is_refused(tmp_path: Path, version: str, refused: bool) -> None:
    """`hard_sigmoid` has another slope in Keras 3, so an h5 file of Keras 2 with it would predict otherwise."""
    path = tmp_path / "network.h5"
    keras.Sequential([keras.Input((4, 5)), layers.LSTM(3, recurrent_activation="hard_sigmoid", name="reader")]).save(
        path
    )
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = version
    if not refused:
        assert load_network(str(path), trust=False).output_shape == (None, 3)
        return
    with pytest.raises(LoadError, match=r"reader: .*as Keras 2 did. Received: recurrent_activation=hard_sigmoid"):
        load_network(str(path), trust=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crnn", "crnn.keras"])
def test_what_keras_2_saved_in_its_own_formats_predicts_as_keras_2_did(tmp_path: Path, name: str) -> None:
    """A SavedModel and a `.keras` file of Keras 2 are read through tf_keras."""
    pytest.importorskip("tf_keras")
    from tests.support.keras2.make import main  # noqa: PLC0415  # needs tf_keras

    main(tmp_path)
    path = loaded_safely(str(tmp_path / name), False, tmp_path / "into.keras")
    network = keras.models.load_model(path)
    expected = np.load(tmp_path / "predictions.npy")
    np.testing.assert_allclose(network(np.load(tmp_path / "inputs.npy")), expected, atol=1e-6)


def test_without_tf_keras_a_saved_model_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(LoadError, match=r"Expected the package tf_keras.*: pip install 'rowstream\[keras2\]'"):
        load_network(str(tmp_path), trust=False)


@pytest.mark.parametrize("name", ["network.keras", "network.h5"])
def test_a_lambda_layer_is_refused_by_name_without_trust(tmp_path: Path, name: str) -> None:
    """A file with a Lambda layer is refused, and loaded in a process of its own loaded with trust."""
    network = keras.Sequential(
        [keras.Input((4, 5)), layers.Lambda(lambda x: x * 2, output_shape=(4, 5), name="trick"), layers.LSTM(3)]
    )
    network.save(tmp_path / name)
    with pytest.raises(LoadError, match=r"trick: Expected layers of Keras. Received: a Lambda"):
        load_network(str(tmp_path / name), trust=False)
    if THOROUGH:
        path = loaded_safely(str(tmp_path / name), True, tmp_path / "into.keras")
        assert path.stat().st_size > 0


def test_a_loss_of_ones_own_does_not_stop_the_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file whose loss cannot be read is loaded without it, and the log says so."""

    def my_loss(expected: object, received: object) -> object:
        return keras.ops.mean(received) + keras.ops.mean(expected)

    network = small()
    network.compile("adam", my_loss)
    network.save(tmp_path / "network.keras")
    assert load_network(str(tmp_path / "network.keras"), trust=False).output_shape == (None, 4)
    assert "loaded without its loss" in caplog.text


def test_weights_alone_are_refused(tmp_path: Path) -> None:
    small().save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(LoadError, match=r"Expected a whole network. Received: weights alone"):
        load_network(str(tmp_path / "only.weights.h5"), trust=False)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "network.keras").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(LoadError, match=r"Expected a network of Keras. File is not a zip file"):
        load_network(str(tmp_path / "network.keras"), trust=False)


@pytest.mark.parametrize("source", ["program.py:build", "program:build"])
def test_a_build_function_is_run_with_trust_alone(program: Path, source: str) -> None:
    """A function of a file or a module builds the network, with the modules beside it, but only with trust."""
    assert program.is_file()
    assert load_network(source, trust=True).input_shape == (None, 4, 5)
    with pytest.raises(LoadError, match=r"Expected trust in this code, because it is run: --trust"):
        load_network(source, trust=False)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("program.py:unbuilt", "Put this line first in it: keras.Input"),
        ("program.py:absent", "Expected a function. Found none of that name"),
        ("program.py:other", "Expected a function that returns a keras.Model. Received: int"),
        ("nowhere.py:build", "nowhere.py: Expected a Python file. Found none"),
        ("nowhere:build", "nowhere: Expected a module. No module named 'nowhere'"),
        ("nowhere.keras", "Found none of them"),
        ("program.py", "Name the function that builds the network: program.py:build"),
    ],
)
def test_what_is_no_network_is_refused_with_the_reason(program: Path, source: str, message: str) -> None:
    assert program.is_file()
    with pytest.raises(LoadError, match=message):
        load_network(source, trust=True)


def test_a_build_function_is_called_with_arguments(program: Path) -> None:
    """Arguments reach the build function by name; those that it does not take, and those of a file, are refused."""
    source = f"{program}:sized"
    assert load_network(source, {"units": 6, "kind": "GRU"}, trust=True).output_shape == (None, 6)
    with pytest.raises(LoadError, match=r"units, width\. Received: sized\(units, layers=1, kind='LSTM'\): got an"):
        load_network(source, {"units": 6, "width": 3}, trust=True)
    small().save(program.parent / "small.keras")
    with pytest.raises(LoadError, match=r"Expected a build function for the arguments units\. Received: a file"):
        load_network(str(program.parent / "small.keras"), {"units": 6}, trust=True)


@pytest.mark.sampled
@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "timeout_s", "message"),
    [
        ("hang", 0.1, "its reader did not end within 0.1 s"),
        ("crash", 600.0, "its reader ended with SIGABRT"),
        ("unbuilt", 600.0, "Put this line first in it"),
    ],
)
def test_a_reader_that_fails_crashes_or_hangs_is_an_error(
    program: Path, function: str, timeout_s: float, message: str
) -> None:
    """What goes wrong in the child process is a LoadError, and no file is left."""
    into = program.parent / "into.keras"
    with pytest.raises(LoadError, match=message):
        loaded_safely(f"program.py:{function}", True, into, timeout_s)
    assert not into.exists()


@pytest.mark.thorough
def test_a_build_function_is_saved_by_the_child(program: Path) -> None:
    """The child process calls the function with its arguments, and leaves a file that safe mode reads."""
    path = loaded_safely("program.py:sized", True, program.parent / "into.keras", arguments={"units": 2})
    assert keras.models.load_model(path).output_shape == (None, 2)
