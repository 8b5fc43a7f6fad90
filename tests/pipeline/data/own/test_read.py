"""Tests of `pipeline.data.own.read`: which reader a source gets, and how arrays fit a network."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.own.read import read_data
from tests.conftest import Digits
from tests.support.own_data import waves, write_class_folders, write_png

MODULE = """
import numpy as np

X = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
Y = np.array([0, 1, 2, 0, 1, 2])

def arrays():
    return X, Y

def singles():
    yield from zip(X, Y)

def batches():
    for start in (0, 2, 4):
        yield X[start : start + 2], Y[start : start + 2]

def load_data():
    return (X[:4], Y[:4]), (X[4:], Y[4:])

def texts():
    return [(x, "odd" if y % 2 else "even") for x, y in zip(X, Y)]

def broken():
    raise KeyError("sensor")

def numbers():
    return [1, 2]
"""


def refusal(source: Path | str, shape: tuple[int | None, ...], **options: Any) -> str:
    with pytest.raises(ValueError, match="Expected") as refused:
        read_data(str(source), shape, **options)
    return str(refused.value)


def test_mnist_is_read_from_its_idx_files_with_its_parts(mnist_folder: Path) -> None:
    """MNIST's four files are 60,000 training and 10,000 test images of ten classes."""
    data = read_data(str(mnist_folder), (28, 28, 1))
    assert (data.inputs.shape, data.inputs.dtype.name, data.task) == ((70_000, 28, 28, 1), "uint8", "classes")
    assert data.names == tuple("0123456789")
    assert data.parts is not None
    assert {part: int((data.parts == part).sum()) for part in ("training", "test")} == {
        "training": 60_000,
        "test": 10_000,
    }
    # "5, 0, 4" begin MNIST's training images, and "7, 2, 1" its test images.
    first = {data.items[index]: int(data.targets[index]) for index in [*range(10_000, 10_003), *range(3)]}
    assert list(first.values()) == [5, 0, 4, 7, 2, 1]
    assert next(iter(first)) == "train-images-idx3-ubyte.gz[0]"


def test_the_images_file_alone_is_a_source(tmp_path: Path, mnist_folder: Path) -> None:
    """The path of IDX images finds the labels beside it; without them the missing file is named."""
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        shutil.copy(mnist_folder / name, tmp_path)
    images = tmp_path / "t10k-images-idx3-ubyte.gz"
    data = read_data(str(images), (28, 28))
    assert (data.inputs.shape, data.targets[:3].tolist()) == ((10_000, 28, 28), [7, 2, 1])
    # One part alone is no split.
    assert (data.parts, data.notes) == (None, ("all inputs are of one part, test, so parts are drawn",))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected its labels in t10k-labels-idx1-ubyte\.gz beside it"):
        read_data(str(images), (28, 28))


def test_own_idx_files_without_a_part_in_their_name_have_none(tmp_path: Path) -> None:
    """Files named images and labels alone leave the split to be drawn."""
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8)
    (tmp_path / "images.idx").write_bytes(b"\0\0\x08\3" + struct.pack(">3I", 2, 3, 3) + pixels.tobytes())
    (tmp_path / "labels.idx").write_bytes(gzip.compress(b"\0\0\x08\1" + struct.pack(">I", 2) + b"\1\0"))
    data = read_data(str(tmp_path), (3, 3, 1))
    assert (data.targets.tolist(), data.parts, data.items) == ([1, 0], None, ("images.idx[0]", "images.idx[1]"))


def test_the_same_digits_are_the_same_data_from_every_source(tmp_path: Path, digits: Digits) -> None:
    """Written as class folders, an archive and two arrays, thirty digits are read as equal inputs and targets."""
    crops, labels = digits[0][::10], digits[1][::10]
    write_class_folders(tmp_path / "folders", crops, labels)
    np.savez(tmp_path / "data.npz", x=crops, y=labels)
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "x.npy", crops)
    np.save(tmp_path / "arrays" / "y.npy", labels)
    sources = [read_data(str(tmp_path / name), (28, 28, 1)) for name in ("folders", "data.npz", "arrays")]
    assert [data.source for data in sources] == ["class folders in folders/", "data.npz", "arrays/"]
    for data in sources:
        assert np.array_equal(data.inputs, crops[..., np.newaxis])
        assert np.array_equal(data.targets, labels)
        assert data.names == tuple("0123456789")


def test_an_archive_has_names_groups_and_parts(tmp_path: Path) -> None:
    """The arrays names, groups and parts of an archive come with the inputs; parts may be called train or val."""
    inputs, labels = waves(4)
    parts = np.array(["train", "val", "test", "train"])
    arrays: dict[str, Any] = {"names": np.array(["slow", "fast"]), "groups": np.array([7, 7, 8, 9]), "parts": parts}
    np.savez(tmp_path / "waves.npz", x=inputs, y=labels, **arrays)
    data = read_data(str(tmp_path), (20, 2))
    assert data.names == ("slow", "fast")
    assert data.groups is not None
    assert data.parts is not None
    assert (data.groups.tolist(), data.parts.tolist()) == (
        ["7", "7", "8", "9"],
        ["training", "validation", "test", "training"],
    )


def test_an_archive_has_labels_of_several_outputs(tmp_path: Path) -> None:
    """`y_OUTPUT` labels an output, each with a task of its own; a network without that output is refused."""
    inputs, labels = waves(4)
    named: dict[str, Any] = {"y_kind": labels, "names_kind": np.array(["slow", "fast"]), "y_size": inputs[:, 0, 0]}
    np.savez(tmp_path / "waves.npz", x=inputs, **named)
    data = read_data(str(tmp_path), (20, 2)).for_outputs(("size", "kind"))
    assert (data.task, data.targets.shape, data.output) == ("regression", (4, 1), "size")
    assert (data.others["kind"].task, data.others["kind"].names) == ("classes", ("slow", "fast"))
    assert data[np.array([1])].others["kind"].targets.tolist() == [1]
    with pytest.raises(ValueError, match=r"outputs size, at least of the first\. Received: size, kind$|kind, size$"):
        read_data(str(tmp_path), (20, 2)).for_outputs(("size",))


def test_an_archive_as_keras_has_it_keeps_its_parts(tmp_path: Path, digits: Digits) -> None:
    """`x_train`, `y_train`, `x_test` and `y_test`, as in Keras's mnist.npz, are training and test inputs."""
    crops, labels = digits
    np.savez(tmp_path / "mnist.npz", x_train=crops[:200], y_train=labels[:200], x_test=crops[200:], y_test=labels[200:])
    data = read_data(str(tmp_path / "mnist.npz"), (28, 28, 1))
    assert data.parts is not None
    assert (data.parts[:200] == "training").all()
    assert (data.parts[200:] == "test").all()
    assert np.array_equal(data.targets, labels)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 3, 3), np.uint8)}, "Expected the arrays x and y, perhaps names"),
        ({"x": np.zeros((2, 3, 3), np.uint8), "y": np.array([0, 1, 1])}, "Received: inputs 2, targets 3, items 2"),
        ({"x": np.zeros((2, 3, 4), np.uint8), "y": np.array([0, 1])}, "Expected inputs [n, 3, 3, 1]. Received: shape="),
        ({"x": np.zeros((0, 3, 3), np.uint8), "y": np.zeros(0, int)}, "Expected at least one input"),
        ({"x": np.array(3.0), "y": np.array([0])}, "Expected x with at least one axis. Received: a single value"),
        ({"x": np.full((2, 3, 3), "a"), "y": np.array([0, 1])}, "Expected inputs that are numbers"),
        ({"x": np.zeros((2, 3, 3)), "y": np.array([0, 1]), "z": np.zeros(1)}, "Received: ['x', 'y', 'z']"),
        ({"x": np.zeros((2, 3, 3)), "y": np.array([0, 1]), "names": np.array(["a"])}, "Expected labels from 0 to 0"),
        ({"x": np.zeros((2, 3, 3)), "y": np.array([0, 1]), "parts": np.array(["a", "b"])}, "Expected parts of train"),
        ({"x_train": np.zeros((2, 3, 3)), "y_test": np.array([0, 1])}, "Expected x_ and y_ of parts such as train"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    """An archive whose arrays lack, differ in length or have another shape or type is refused with what came."""
    np.savez(tmp_path / "data.npz", **arrays)
    refused = refusal(tmp_path / "data.npz", (3, 3, 1))
    assert message in refused
    assert "data.npz: " in refused


@pytest.mark.parametrize("name", ["data.npz", "x.npy"])
def test_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    """Python objects in an array are refused, because unpickling runs code."""
    objects = np.array([{"a": 1}, None], dtype=object)
    if name == "data.npz":
        np.savez(tmp_path / name, x=objects, y=np.array([0, 1]))
    else:
        np.save(tmp_path / name, objects)
        np.save(tmp_path / "y.npy", np.array([0, 1]))
    assert "Python objects, which may run code" in refusal(tmp_path, (3, 3, 1))


@pytest.mark.parametrize(
    ("given", "shape", "dtype", "axes"),
    [
        (np.zeros((2, 3, 3), np.uint8), (3, 3, 1), np.uint8, (2, 3, 3, 1)),
        (np.zeros((2, 3, 3), np.uint8), (3, 3), np.uint8, (2, 3, 3)),
        (np.zeros((2, 3, 3, 1), np.uint8), (3, 3), np.uint8, (2, 3, 3)),
        (np.full((2, 3, 3, 1), 255), (3, 3, 1), np.uint8, (2, 3, 3, 1)),
        (np.full((2, 3, 3, 1), 256), (3, 3, 1), np.float32, (2, 3, 3, 1)),
        (np.zeros((2, 3, 3, 1)), (3, 3, 1), np.float32, (2, 3, 3, 1)),
        (np.zeros((2, 3, 3), np.int64), (3, 3), np.float32, (2, 3, 3)),
        (np.zeros((2, 3)), (3, 1), np.float32, (2, 3, 1)),
        (np.zeros((2, 5, 3)), (None, 3), np.float32, (2, 5, 3)),
        (np.zeros((2, 5, 3, 4, 1), np.uint8), (5, 3, 4, 1), np.uint8, (2, 5, 3, 4, 1)),
        (np.zeros((2, 5, 3, 4), np.uint8), (5, 3, 4, 1), np.uint8, (2, 5, 3, 4, 1)),
        (np.full((2, 5, 3, 4, 3), 255), (5, 3, 4, 3), np.uint8, (2, 5, 3, 4, 3)),
        (np.zeros((2, 5, 3, 4, 3), np.float32), (None, 3, 4, 3), np.float32, (2, 5, 3, 4, 3)),
    ],
)
def test_arrays_get_the_axes_and_the_type_of_the_network(
    tmp_path: Path, given: Any, shape: tuple[int | None, ...], dtype: type, axes: tuple[int, ...]
) -> None:
    """Grey levels stay uint8, other numbers become float32, and an axis of one is added or left out."""
    np.savez(tmp_path / "data.npz", x=given, y=np.array([0, 1]))
    data = read_data(str(tmp_path / "data.npz"), shape)
    assert (data.inputs.dtype.name, data.inputs.shape) == (np.dtype(dtype).name, axes)
    is_converted = given.dtype not in (np.uint8, np.float32)
    assert data.notes == ((f"inputs converted from {given.dtype} to {np.dtype(dtype)}",) if is_converted else ())


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_inputs_that_are_not_finite_are_named(tmp_path: Path, value: float) -> None:
    """NaN, infinity, and what is one in float32, are refused with the inputs that have them."""
    inputs = np.zeros((3, 4, 2))
    inputs[1, 2, 0] = value
    np.savez(tmp_path / "data.npz", x=inputs, y=np.array([0, 1, 0]))
    assert refusal(tmp_path, (4, 2)).endswith("Expected finite inputs. Received: NaN or infinity in x[1]")


def test_a_folder_with_two_kinds_of_data_is_refused(tmp_path: Path) -> None:
    """Nothing is chosen between an archive and class folders: both are named."""
    write_png(tmp_path / "cat" / "1.png", np.zeros((3, 3), np.uint8))
    np.savez(tmp_path / "data.npz", x=np.zeros((1, 3, 3)), y=np.zeros(1, int))
    assert refusal(tmp_path, (3, 3, 1)).endswith("Received: data.npz, folders. Name one of them")


def test_a_folder_without_data_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    """A folder without data says what was expected; so do a missing path and a file of another kind."""
    (tmp_path / "notes.txt").write_text("nothing")
    assert refusal(tmp_path, (3, 3, 1)).endswith("Received: none of them")
    assert refusal(tmp_path / "notes.txt", (3, 3, 1)).endswith(
        "Expected a .npz or .csv file, or IDX images. Received: another name"
    )
    with pytest.raises(FileNotFoundError, match="Found nothing there"):
        read_data(str(tmp_path / "missing"), (3, 3, 1))


def test_pictures_are_no_videos(tmp_path: Path) -> None:
    """For a network over frames, class folders of pictures are refused with what to give in their place."""
    write_png(tmp_path / "cat" / "1.png", np.zeros((3, 3), np.uint8))
    assert refusal(tmp_path, (5, 3, 3, 1)).endswith("Give the inputs as arrays: a .npz file, or x.npy and y.npy")


def test_a_network_of_one_axis_is_refused(tmp_path: Path) -> None:
    """Inputs are images or sequences: a network over a flat vector is refused with its shape."""
    assert refusal(tmp_path, (784,)).endswith("Received: input shape (784,)")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a user's module that can be imported."""
    name = f"users_own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize("function", ["arrays", "singles", "batches"])
def test_a_function_returns_arrays_or_yields_pairs(module: str, function: str) -> None:
    """A pair of arrays, pairs of single inputs, and pairs of batches are the same data."""
    data = read_data(f"{module}:{function}", (4, 4, 1), trust=True)
    assert (data.inputs.shape, data.targets.tolist()) == ((6, 4, 4, 1), [0, 1, 2, 0, 1, 2])
    assert data.inputs[5, 3, 3, 0] == 95
    assert data.source == f"{module}:{function}"


def test_a_function_may_return_training_and_test_inputs(module: str) -> None:
    """Two tuples, as Keras's `load_data` returns, are training and test inputs, and stay apart."""
    data = read_data(f"{module}:load_data", (4, 4, 1), trust=True)
    assert data.parts is not None
    assert data.parts.tolist() == ["training"] * 4 + ["test"] * 2
    assert data.targets.tolist() == [0, 1, 2, 0, 1, 2]


def test_a_function_may_return_texts_as_labels(module: str) -> None:
    """Texts are classes in the order of the alphabet, or in the order that the caller names."""
    data = read_data(f"{module}:texts", (4, 4), trust=True)
    assert (data.names, data.targets.tolist()) == (("even", "odd"), [0, 1, 0, 0, 1, 0])
    data = read_data(f"{module}:texts", (4, 4), trust=True, names=["odd", "even"])
    assert (data.names, data.targets.tolist()) == (("odd", "even"), [1, 0, 1, 1, 0, 1])


def test_a_function_is_not_run_without_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trust, not even the module is imported."""
    (tmp_path / "untrusted_module.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    assert refusal("untrusted_module:data", (4, 4)).endswith("because it is run: --trust")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("broken", "Expected a function that returns data. KeyError: 'sensor'"),
        ("missing", "Expected a function that returns data. AttributeError: "),
        ("numbers", "Expected pairs (x, y). Received: int"),
    ],
)
def test_a_function_that_fails_is_named_with_the_reason(module: str, function: str, message: str) -> None:
    """An exception of the user's function, and anything but pairs, become a message with the reason."""
    assert message in refusal(f"{module}:{function}", (4, 4), trust=True)
