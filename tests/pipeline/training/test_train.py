"""Tests of `pipeline.training.train`: short real trainings on a few hundred embedded digits."""

from __future__ import annotations

import json
import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from device.pixels import unit_range
from pipeline.data.mnist import embedded_splits
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.fonts import held_out_fonts
from pipeline.synthesis.training_set import NO_DIGIT, TrainingMix, TrainingSet, build_training_set
from pipeline.training.recipe import AffineRange, Recipe
from pipeline.training.train import Run, epoch_images, train
from pipeline.variants import VARIANTS

# Dropout and batch normalisation: both must come back as they were after an interruption.
VARIANT = VARIANTS["conv1d"]
RECIPE = Recipe(epochs=2, batch_size=64, cell_noise=0.1)
MIX = TrainingMix(photographed=64, negatives=64, epoch_images=256, photographed_share=0.25, negative_share=0.25)
EMBEDDED = embedded_splits()
VALIDATION = EMBEDDED.test[np.arange(8, 4488, 32)]


class InterruptAt(logging.Handler):
    """Presses Ctrl-C where the log comes to an epoch, which is before that epoch is saved."""

    def __init__(self, epoch: str) -> None:
        super().__init__()
        self.epoch = epoch

    def emit(self, record: logging.LogRecord) -> None:
        if self.epoch in record.getMessage():
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _log_epochs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pipeline.training.train")


@pytest.fixture(scope="module")
def training_set() -> TrainingSet:
    """Of digits that do not validate."""
    return build_training_set(EMBEDDED.test[np.arange(0, 4096, 16)], held_out_fonts(), MIX)


@pytest.fixture(scope="module")
def uninterrupted(training_set: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Sequential, Run]:
    run = Run(tmp_path_factory.mktemp("uninterrupted"))
    return train(VARIANT, RECIPE, training_set, VALIDATION, run), run


@pytest.fixture
def finished(uninterrupted: tuple[keras.Sequential, Run], tmp_path: Path) -> Run:
    return Run(Path(shutil.copytree(uninterrupted[1].path, tmp_path / "finished")))


def alone(digits: LabelledImages) -> TrainingSet:
    """A training set with these digits alone, each once an epoch."""
    mix = replace(MIX, epoch_images=len(digits), photographed_share=0, negative_share=0)
    return TrainingSet(mix, "0" * 64, digits, photographed=digits, negatives=digits)


def batches(training_set: TrainingSet, recipe: Recipe, epoch: int) -> list[tuple[npt.NDArray[np.float32], ...]]:
    images = epoch_images(training_set, recipe, epoch)
    return [(np.asarray(views), np.asarray(targets)) for views, targets in images]


def epochs(caplog: pytest.LogCaptureFixture) -> list[str]:
    return re.findall(r"epoch (\d+ of \d+)", caplog.text)


def accuracies(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [float(percent) for percent in re.findall(r"validation accuracy (\d+\.\d\d) %", caplog.text)]


def accuracy(network: keras.Sequential, images: LabelledImages) -> float:
    answers = network.predict(unit_range(np.asarray(images.crops, np.uint8)), verbose=0).argmax(axis=1)
    return round(100 * float((answers == images.labels).mean()), 2)


@pytest.mark.slow
def test_trains(uninterrupted: tuple[keras.Sequential, Run]) -> None:
    """Training gives a network with ten finite logits, and leaves the last epoch, the best and the recipe."""
    network, run = uninterrupted
    logits = network.predict(unit_range(np.asarray(VALIDATION.crops[:5], np.uint8)), verbose=0)
    assert logits.shape == (5, 10)
    assert np.isfinite(logits).all()
    assert sorted(path.name for path in run.path.iterdir()) == ["best.keras", "last.keras", "recipe.json"]
    assert json.loads(run.recipe.read_text())["epochs"] == 2


def test_finished_run_is_not_trained_further(
    finished: Run,
    uninterrupted: tuple[keras.Sequential, Run],
    training_set: TrainingSet,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A finished run returns its best network at once."""
    network = train(VARIANT, RECIPE, training_set, VALIDATION, finished)
    assert epochs(caplog) == []
    for received, expected in zip(network.get_weights(), uninterrupted[0].get_weights(), strict=True):
        assert np.array_equal(received, expected)


@pytest.mark.thorough
def test_interrupted_run_ends_as_an_uninterrupted_one(
    uninterrupted: tuple[keras.Sequential, Run],
    training_set: TrainingSet,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A run resumed after its last whole epoch ends with the weights of an uninterrupted one."""
    run, interrupt = Run(tmp_path / "run"), InterruptAt("epoch 2 of 2")
    logging.getLogger("pipeline.training.train").addHandler(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(VARIANT, RECIPE, training_set, VALIDATION, run)
    finally:
        logging.getLogger("pipeline.training.train").removeHandler(interrupt)
    caplog.clear()
    train(VARIANT, RECIPE, training_set, VALIDATION, run)
    assert epochs(caplog) == ["2 of 2"]
    received, expected = (keras.models.load_model(last).get_weights() for last in (run.last, uninterrupted[1].last))
    assert max(float(np.abs(one - other).max()) for one, other in zip(received, expected, strict=True)) <= 1e-5


@pytest.mark.thorough
def test_changed_recipe_starts_from_scratch(
    finished: Run, training_set: TrainingSet, caplog: pytest.LogCaptureFixture
) -> None:
    """A run of another recipe is not resumed."""
    train(VARIANT, replace(RECIPE, epochs=1, peak_learning_rate=1e-3), training_set, VALIDATION, finished)
    assert "The recipe has changed: training starts from scratch." in caplog.text
    assert epochs(caplog) == ["1 of 1"]


def test_prepare_keeps_what_the_same_recipe_and_training_set_left(training_set: TrainingSet, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.prepare(VARIANT, RECIPE, training_set)
    run.last.write_bytes(b"an epoch")
    run.prepare(VARIANT, replace(RECIPE), replace(training_set, mix=replace(MIX)))
    assert run.last.read_bytes() == b"an epoch"


@pytest.mark.parametrize(
    ("recipe", "changed"),
    [
        pytest.param({"views": AffineRange(shear=0.1)}, {}, id="views"),
        pytest.param({}, {"mix": replace(MIX, negative_share=0.3)}, id="mix"),
        pytest.param({}, {"fonts_sha256": "0" * 64}, id="fonts"),
        pytest.param({}, {"digits": VALIDATION}, id="digits"),
    ],
)
def test_prepare_empties_the_folder_where_any_of_it_differs(
    training_set: TrainingSet, tmp_path: Path, recipe: dict[str, Any], changed: dict[str, Any]
) -> None:
    run = Run(tmp_path / "run")
    run.prepare(VARIANT, RECIPE, training_set)
    run.last.write_bytes(b"an epoch")
    run.prepare(VARIANT, replace(RECIPE, **recipe), replace(training_set, **changed))
    assert [path.name for path in run.path.iterdir()] == ["recipe.json"]


def test_the_recipe_says_what_was_learnt_from(training_set: TrainingSet, tmp_path: Path) -> None:
    Run(tmp_path).prepare(VARIANT, RECIPE, training_set)
    learnt = json.loads((tmp_path / "recipe.json").read_text())["training_set"]
    assert (learnt["images"], learnt["fonts_sha256"]) == (256, held_out_fonts().sha256)
    assert (learnt["photographed"], learnt["negatives"], learnt["negative_share"]) == (64, 64, 0.25)


def test_discard_deletes_the_run(finished: Run) -> None:
    """A discarded run leaves nothing."""
    finished.discard()
    assert not finished.path.exists()


@pytest.mark.thorough
def test_best_epoch_by_validation_is_returned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where later epochs validate worse, the network that comes back is the earlier, better one."""
    # Trained on threes alone and validated on all else, a network can only get worse.
    labels = EMBEDDED.test.labels
    threes, others = np.flatnonzero(labels == 3)[:256], np.flatnonzero(labels != 3)[::20]
    validation = EMBEDDED.test[others]
    recipe = Recipe(epochs=4, batch_size=128, peak_learning_rate=4e-3, warmup_epochs=4)
    network = train(VARIANTS["rows"], recipe, alone(EMBEDDED.test[threes]), validation, Run(tmp_path / "run"))
    assert accuracies(caplog)[0] > 0
    assert accuracies(caplog)[-1] == 0
    assert accuracy(network, validation) == max(accuracies(caplog))


def test_refuses_fewer_images_than_a_batch(training_set: TrainingSet, tmp_path: Path) -> None:
    """Epochs that do not fill a batch are refused, before any file is written."""
    with pytest.raises(ValueError, match=r"Expected at least 257 images\. Received: 256"):
        train(VARIANT, Recipe(batch_size=257), training_set, VALIDATION, Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "Expected epochs >= 1. Received: 0"),
        ({"batch_size": 0}, "Expected batch_size >= 1. Received: 0"),
        ({"label_smoothing": 1.0}, "Expected 0 <= label_smoothing < 1. Received: 1.0"),
        ({"label_smoothing": -0.1}, "Expected 0 <= label_smoothing < 1. Received: -0.1"),
        ({"corrupted_share": 1.5}, "Expected 0 <= corrupted_share <= 1. Received: 1.5"),
        ({"photographed_share": -0.1}, "Expected 0 <= photographed_share <= 1. Received: -0.1"),
        ({"negative_share": -0.1}, "Expected 0 <= negative_share <= 1 - photographed_share. Received: -0.1"),
        (
            {"photographed_share": 0.5, "negative_share": 0.625},
            "Expected 0 <= negative_share <= 1 - photographed_share. Received: 0.625",
        ),
        ({"teacher": "rows2d", "teacher_share": 1.5}, "Expected 0 <= teacher_share <= 1. Received: 1.5"),
        (
            {"teacher": "big", "teacher_share": 0.5},
            "Expected a teacher of rows2d, cols2d, conv1d, rows, fast, tiny. Received: big",
        ),
        ({"teacher": "rows2d"}, "Expected a teacher_share above 0 with a teacher alone. Received: 0.0"),
        ({"cell_noise": -0.1}, "Expected cell_noise >= 0. Received: -0.1"),
        ({"cell_noise": float("inf")}, "Expected cell_noise >= 0. Received: inf"),
        ({"earlier_steps_weight": -1.0}, "Expected earlier_steps_weight >= 0. Received: -1.0"),
        ({"earlier_steps_weight": float("nan")}, "Expected earlier_steps_weight >= 0. Received: nan"),
    ],
)
def test_recipe_refuses_values_out_of_range(values: dict[str, Any], message: str) -> None:
    """The message gives the range and the value."""
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(Recipe(), **values)


def test_earlier_steps_weigh_more_the_later() -> None:
    """Of four steps the last weighs 1 and the others share their weight as 1 to 2 to 3; one step has no others."""
    assert Recipe(earlier_steps_weight=3).step_weights(4).tolist() == [0.5, 1.0, 1.5, 1.0]
    assert Recipe(earlier_steps_weight=0).step_weights(3).tolist() == [0, 0, 1]
    assert Recipe().step_weights(1).tolist() == [1]


def test_epoch_images_are_whole_batches(training_set: TrainingSet) -> None:
    """An epoch of 100 images is three batches of 32 views `<float32>[32, 28, 28, 1]` in 0..1; targets add to 1."""
    few = replace(training_set, mix=replace(MIX, epoch_images=100))
    drawn = batches(few, Recipe(batch_size=32), 0)
    assert [(views.shape, targets.shape) for views, targets in drawn] == [((32, 28, 28, 1), (32, 10))] * 3
    assert all(views.min() >= 0 and views.max() <= 1 + 1e-6 for views, _ in drawn)
    assert all(np.allclose(targets.sum(axis=1), 1) for _, targets in drawn)


def test_epoch_images_keep_their_labels() -> None:
    """Each view carries its own crop's label: of 256 zeros all are."""
    zeros = EMBEDDED.test[np.flatnonzero(EMBEDDED.test.labels == 0)[:256]]
    assert sum(targets[:, 0].sum() for _, targets in batches(alone(zeros), RECIPE, 3)) == 256


def test_the_target_of_no_digit_is_uniform_and_a_digits_is_one_hot() -> None:
    sevens = EMBEDDED.test[np.flatnonzero(EMBEDDED.test.labels == 7)[:64]]
    none = LabelledImages(sevens.crops, np.full(64, NO_DIGIT, np.uint8))
    ((_, targets),) = batches(alone(none), RECIPE, 0)
    assert np.allclose(targets, 0.1)
    ((_, targets),) = batches(alone(sevens), RECIPE, 0)
    assert targets.tolist() == [[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]] * 64


def test_a_teacher_shares_in_the_targets_of_digits() -> None:
    """Of a teacher that takes all for a three, half a seven's target is a three; without a digit it is uniform."""
    teacher = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    teacher.set_weights([np.zeros((784, 10), np.float32), np.float32(100) * np.eye(10, dtype=np.float32)[3]])
    recipe = replace(RECIPE, teacher="rows2d", teacher_share=0.5)
    sevens = EMBEDDED.test[np.flatnonzero(EMBEDDED.test.labels == 7)[:64]]
    ((_, targets),) = epoch_images(alone(sevens), recipe, 0, teacher)
    assert np.allclose(targets, [[0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0]] * 64)
    none = LabelledImages(sevens.crops, np.full(64, NO_DIGIT, np.uint8))
    ((_, targets),) = epoch_images(alone(none), recipe, 0, teacher)
    assert np.allclose(targets, 0.1)


def test_the_targets_of_an_epoch_follow_its_labels(training_set: TrainingSet) -> None:
    """A quarter of 256 crops shows no digit; each target stands where its crop's label does."""
    targets = np.concatenate([targets for _, targets in batches(training_set, RECIPE, 1)])
    labels = training_set.epoch(1).labels
    assert (np.isclose(targets, 0.1).all(axis=1) == (labels == NO_DIGIT)).all()
    assert (labels == NO_DIGIT).sum() == 64
    shown = labels != NO_DIGIT
    assert np.array_equal(targets[shown].argmax(axis=1), labels[shown])


def test_epoch_images_are_the_same_each_time(training_set: TrainingSet) -> None:
    """The same seed and epoch give the same views in the same order."""
    first, again = batches(training_set, RECIPE, 1), batches(training_set, RECIPE, 1)
    for (views, targets), (views_again, targets_again) in zip(first, again, strict=True):
        assert np.array_equal(views, views_again)
        assert np.array_equal(targets, targets_again)


def test_epoch_images_differ_between_epochs_and_seeds(training_set: TrainingSet) -> None:
    """Another epoch or another seed draws other views."""
    first = batches(training_set, RECIPE, 1)[0][0]
    assert not np.array_equal(first, batches(training_set, RECIPE, 2)[0][0])
    assert not np.array_equal(first, batches(training_set, replace(RECIPE, seed=8), 1)[0][0])
