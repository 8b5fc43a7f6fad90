"""Tests of `pipeline.training.networks`, on untrained networks: what holds for any weights."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.folders import ModelFolder
from pipeline.training.networks import NoisyCell, build, build_for_training, load_network
from pipeline.variants import VARIANTS, Variant

IMAGES = hnp.arrays(np.uint8, (2, 28, 28), elements=st.integers(0, 255))
# Kernels may sum the same numbers in another order for another image of the batch.
SAME = 1e-6
NAMES = ["rows2d", "cols2d", "conv1d", "rows", "fast", "tiny"]


@pytest.fixture(scope="module")
def networks() -> dict[str, keras.Sequential]:
    keras.utils.set_random_seed(1)
    return {name: build(VARIANTS[name]) for name in NAMES}


@pytest.fixture(scope="module")
def sequences(networks: dict[str, keras.Sequential]) -> dict[str, keras.Model]:
    """Each network up to its LSTM."""
    return {name: keras.Model(network.inputs[0], lstm(network).input) for name, network in networks.items()}


def lstm(network: keras.Sequential) -> keras.layers.LSTM:
    (layer,) = (layer for layer in network.layers if isinstance(layer, keras.layers.LSTM))
    return layer


def called(network: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.asarray(network(images[..., np.newaxis] / np.float32(255), training=False))


def changes(sequence: keras.Model, images: npt.NDArray[np.uint8]) -> list[float]:
    """How far apart the two images' features are, at each time step."""
    first, second = called(sequence, images)
    return [float(change) for change in np.abs(first - second).max(axis=1)]


def test_variants_say_how_they_take_time() -> None:
    """The variants are the three corrections, one of them along either axis, a faster one, and a tiny one."""
    assert {name: (v.time_axis, v.steps, v.lines_per_step) for name, v in VARIANTS.items()} == {
        "rows2d": ("rows", 7, 4),
        "cols2d": ("columns", 7, 4),
        "conv1d": ("rows", 7, 4),
        "rows": ("rows", 28, 1),
        "fast": ("rows", 7, 4),
        "tiny": ("rows", 7, 4),
    }


@pytest.mark.parametrize("steps", [0, -7, 5, 56])
def test_variant_refuses_steps_that_do_not_divide_28(steps: int) -> None:
    """A number of steps that does not cut 28 lines evenly is refused."""
    with pytest.raises(ValueError, match=f"Expected steps that divide 28 lines. Received: steps={steps}"):
        Variant("odd", "rows", steps)


@pytest.mark.sampled
@pytest.mark.parametrize("name", NAMES)
@given(images=IMAGES)
@settings(deadline=None, max_examples=5)
def test_gives_ten_finite_logits(
    networks: dict[str, keras.Sequential], name: str, images: npt.NDArray[np.uint8]
) -> None:
    """Two crops give logits `<float32>[2, 10]`, all of them finite."""
    logits = called(networks[name], images)
    assert logits.shape == (2, 10)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


@pytest.mark.parametrize(
    ("name", "trained", "moving"),
    [
        ("rows2d", 315_626, 192),
        ("cols2d", 315_626, 192),
        ("conv1d", 109_130, 192),
        ("rows", 81_674, 0),
        ("fast", 126_250, 288),
        ("tiny", 10_298, 108),
    ],
)
def test_number_of_weights(networks: dict[str, keras.Sequential], name: str, trained: int, moving: int) -> None:
    """A network has so many weights that are trained, and so many moving means and variances of its batches."""
    network = networks[name]
    assert sum(math.prod(weight.shape) for weight in network.trainable_weights) == trained
    assert sum(math.prod(weight.shape) for weight in network.non_trainable_weights) == moving


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("rows2d", (None, 7, 448)),
        ("cols2d", (None, 7, 448)),
        ("conv1d", (None, 7, 64)),
        ("rows", (None, 28, 28)),
        ("fast", (None, 7, 336)),
        ("tiny", (None, 7, 40)),
    ],
)
def test_lstm_takes_a_sequence_of_the_variants_steps(
    networks: dict[str, keras.Sequential], name: str, shape: tuple[int | None, ...]
) -> None:
    """The LSTM's input has as many time steps as the variant says."""
    assert lstm(networks[name]).input.shape == shape
    assert VARIANTS[name].steps == shape[1]


@pytest.mark.parametrize("name", ["rows2d", "conv1d", "rows", "fast", "tiny"])
@given(images=IMAGES, data=st.data())
@settings(deadline=None, max_examples=10)
def test_no_time_step_depends_on_later_rows(
    sequences: dict[str, keras.Model], name: str, images: npt.NDArray[np.uint8], data: st.DataObject
) -> None:
    """Whatever the rows after a time step's own show, the LSTM's input up to that step is the same."""
    step = data.draw(st.integers(0, VARIANTS[name].steps - 1))
    seen = VARIANTS[name].lines_per_step * (step + 1)
    images[1, :seen] = images[0, :seen]
    assert max(changes(sequences[name], images)[: step + 1]) <= SAME


@given(images=IMAGES, step=st.integers(0, 6))
@settings(deadline=None, max_examples=10)
def test_no_time_step_depends_on_later_columns(
    sequences: dict[str, keras.Model], images: npt.NDArray[np.uint8], step: int
) -> None:
    """Along columns as along rows: what lies right of a time step's own columns does not change the LSTM's input."""
    images[1, :, : 4 * (step + 1)] = images[0, :, : 4 * (step + 1)]
    assert max(changes(sequences["cols2d"], images)[: step + 1]) <= SAME


@pytest.mark.parametrize("step", range(7))
@pytest.mark.parametrize("name", ["rows2d", "cols2d", "conv1d", "fast", "tiny"])
def test_every_time_step_depends_on_its_own_lines(sequences: dict[str, keras.Model], name: str, step: int) -> None:
    """Ink in the lines of a time step changes the LSTM's input at that step, and at none before it."""
    images = np.zeros((2, 28, 28), np.uint8)
    inked = images[1].T if name == "cols2d" else images[1]
    inked[4 * step : 4 * step + 4] = 255
    changed = [change > SAME for change in changes(sequences[name], images)]
    assert changed[: step + 1] == [False] * step + [True]


@pytest.mark.parametrize("name", NAMES)
def test_every_step_answers_as_the_last_one_does(networks: dict[str, keras.Sequential], name: str) -> None:
    """In training the same weights give logits after each time step, the last of which are the network's own."""
    network, every_step = networks[name], build_for_training(VARIANTS[name], cell_noise=0.5)
    every_step.set_weights(network.get_weights())
    images = np.random.default_rng(3).integers(0, 256, (2, 28, 28), np.uint8)
    logits = called(every_step, images)
    assert logits.shape == (2, VARIANTS[name].steps, 10)
    np.testing.assert_allclose(logits[:, -1], called(network, images), atol=SAME)
    assert np.abs(logits[:, 0] - logits[:, -1]).max() > SAME


def test_noise_on_the_cell_state_is_added_in_training_alone() -> None:
    """With weights of zero every gate is a half, so that half the cell state is kept."""
    zeros = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros", "unit_forget_bias": False}
    cell = NoisyCell(500, deviation=0.2, **zeros)
    states = [np.zeros((1, 500), np.float32), np.full((1, 500), 3, np.float32)]
    line = np.zeros((1, 28), np.float32)
    _, (_, noisy) = cell(line, states, training=True)
    _, (_, quiet) = cell(line, states)
    assert set(np.asarray(quiet).ravel()) == {1.5}
    assert abs(np.mean(noisy) - 1.5) < 0.02
    assert abs(np.std(noisy) - 0.1) < 0.01


def test_a_network_for_training_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    network = build_for_training(VARIANTS["rows"], cell_noise=0.25)
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    cells = [layer.cell for layer in again.layers if isinstance(layer, keras.layers.RNN)]
    assert [cell.deviation for cell in cells] == [0.25]


def test_an_archive_that_holds_no_network_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "float.keras", "w") as archive:
        archive.writestr("notes.txt", "no network")
    with pytest.raises(ValueError, match=r"float\.keras: Expected the float network mine\. .*config\.json"):
        load_network("mine", ModelFolder(tmp_path))
