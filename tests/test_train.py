"""Tests of `pipeline.train`: short real trainings on a few hundred embedded digits."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from device.pixels import unit_range
from pipeline.augment import AffineRange
from pipeline.data import embedded_splits
from pipeline.splits import Labelled, NoTrainingImagesError, Splits
from pipeline.train import Recipe, Run, epoch_images, train
from pipeline.variants import VARIANTS
from tests.conftest import ROOT, SmallMnist

# Dropout and batch normalisation: both must come back as they were after an interruption.
VARIANT = VARIANTS["conv1d"]
RECIPE = Recipe(epochs=2, batch_size=64)
EMBEDDED = embedded_splits()

# The command with the small folder's hashes in place of MNIST's. Whoever runs the tests may ignore Ctrl-C (a shell
# that starts them in the background does), which the child would inherit.
CHILD = """
import json, signal, sys
import pipeline.data
from pipeline.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
pipeline.data.SHA256 = json.loads(sys.argv[1])
sys.exit(main(["train", "rows", "--data", sys.argv[2]]))
"""


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
    caplog.set_level(logging.INFO, "pipeline.train")


@pytest.fixture(scope="module")
def splits() -> Splits:
    judged = EMBEDDED.judged
    return replace(EMBEDDED, training=judged[np.arange(0, 4096, 16)], validation=judged[np.arange(8, 4488, 32)])


@pytest.fixture(scope="module")
def uninterrupted(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Sequential, Run]:
    run = Run(tmp_path_factory.mktemp("uninterrupted"))
    return train(VARIANT, RECIPE, splits, run), run


@pytest.fixture
def finished(uninterrupted: tuple[keras.Sequential, Run], tmp_path: Path) -> Run:
    return Run(Path(shutil.copytree(uninterrupted[1].folder, tmp_path / "finished")))


def batches(recipe: Recipe, epoch: int, count: int = 256) -> list[tuple[npt.NDArray[np.float32], ...]]:
    images = epoch_images(EMBEDDED.judged[np.arange(count)], recipe, epoch)
    return [(np.asarray(views), np.asarray(labels)) for views, labels in images]


def epochs(caplog: pytest.LogCaptureFixture) -> list[str]:
    return re.findall(r"epoch (\d+ of \d+)", caplog.text)


def accuracies(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [float(percent) for percent in re.findall(r"validation accuracy (\d+\.\d\d) %", caplog.text)]


def accuracy(network: keras.Sequential, images: Labelled) -> float:
    answers = network.predict(unit_range(images.crops), verbose=0).argmax(axis=1)
    return round(100 * float((answers == images.labels).mean()), 2)


def test_trains(uninterrupted: tuple[keras.Sequential, Run], splits: Splits) -> None:
    """Training gives a network with ten finite logits, and leaves the last epoch, the best and the recipe."""
    network, run = uninterrupted
    logits = network.predict(unit_range(splits.validation.crops[:5]), verbose=0)
    assert logits.shape == (5, 10)
    assert np.isfinite(logits).all()
    assert sorted(path.name for path in run.folder.iterdir()) == ["best.keras", "last.keras", "recipe.json"]
    assert json.loads(run.recipe.read_text())["epochs"] == 2


def test_finished_run_is_not_trained_further(
    finished: Run, uninterrupted: tuple[keras.Sequential, Run], splits: Splits, caplog: pytest.LogCaptureFixture
) -> None:
    """A run whose epochs are all done gives its best network at once."""
    network = train(VARIANT, RECIPE, splits, finished)
    assert epochs(caplog) == []
    for received, expected in zip(network.get_weights(), uninterrupted[0].get_weights(), strict=True):
        assert np.array_equal(received, expected)


def test_interrupted_run_ends_as_an_uninterrupted_one(
    uninterrupted: tuple[keras.Sequential, Run], splits: Splits, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that is interrupted and goes on from its last whole epoch ends with the weights it would have had."""
    run, interrupt = Run(tmp_path / "run"), InterruptAt("epoch 2 of 2")
    logging.getLogger("pipeline.train").addHandler(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(VARIANT, RECIPE, splits, run)
    finally:
        logging.getLogger("pipeline.train").removeHandler(interrupt)
    caplog.clear()
    train(VARIANT, RECIPE, splits, run)
    assert epochs(caplog) == ["2 of 2"]
    received, expected = (keras.models.load_model(last).get_weights() for last in (run.last, uninterrupted[1].last))
    assert max(float(np.abs(one - other).max()) for one, other in zip(received, expected, strict=True)) <= 1e-5


def test_changed_recipe_starts_from_scratch(finished: Run, splits: Splits, caplog: pytest.LogCaptureFixture) -> None:
    """What another recipe left behind is not gone on with."""
    train(VARIANT, replace(RECIPE, epochs=1, peak_learning_rate=1e-3), splits, finished)
    assert "The recipe has changed: training starts from scratch." in caplog.text
    assert epochs(caplog) == ["1 of 1"]


def test_prepare_keeps_what_the_same_recipe_left(tmp_path: Path) -> None:
    """A run's files stay where the recipe is the same, and go where any of it differs."""
    run = Run(tmp_path / "run")
    run.prepare(VARIANT, RECIPE, 256)
    run.last.write_bytes(b"an epoch")
    run.prepare(VARIANT, Recipe(epochs=2, batch_size=64), 256)
    assert run.last.read_bytes() == b"an epoch"
    run.prepare(VARIANT, replace(RECIPE, views=AffineRange(shear=0.1)), 256)
    assert [path.name for path in run.folder.iterdir()] == ["recipe.json"]


def test_discard_deletes_the_run(finished: Run) -> None:
    """A discarded run leaves nothing."""
    finished.discard()
    assert not finished.folder.exists()


def test_best_epoch_by_validation_is_returned(splits: Splits, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where later epochs validate worse, the network that comes back is the earlier, better one."""
    # Trained on threes alone and validated on all else, a network can only get worse.
    labels = EMBEDDED.judged.labels
    threes, others = np.flatnonzero(labels == 3)[:256], np.flatnonzero(labels != 3)[::20]
    unlike = replace(splits, training=EMBEDDED.judged[threes], validation=EMBEDDED.judged[others])
    recipe = Recipe(epochs=4, batch_size=128, peak_learning_rate=4e-3, warmup_epochs=4)
    network = train(VARIANTS["rows"], recipe, unlike, Run(tmp_path / "run"))
    assert accuracies(caplog)[0] > 0
    assert accuracies(caplog)[-1] == 0
    assert accuracy(network, unlike.validation) == max(accuracies(caplog))


def test_refuses_fewer_images_than_a_batch(splits: Splits, tmp_path: Path) -> None:
    """Training images that do not fill a batch are refused, before any file is written."""
    with pytest.raises(ValueError, match=r"Expected at least 257 training images\. Received: 256"):
        train(VARIANT, Recipe(batch_size=257), splits, Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_refuses_the_embedded_images(tmp_path: Path) -> None:
    """The embedded images, which validate, are not trained on."""
    with pytest.raises(NoTrainingImagesError, match="Training needs MNIST's training images"):
        train(VARIANT, RECIPE, EMBEDDED, Run(tmp_path / "run"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "Received: 0 and 128"),
        ({"batch_size": 0}, "Received: 40 and 0"),
        ({"label_smoothing": 1.0}, "Received: 1.0"),
        ({"label_smoothing": -0.1}, "Received: -0.1"),
        ({"earlier_steps_weight": -1.0}, "Received: -1.0"),
        ({"earlier_steps_weight": float("nan")}, "Received: nan"),
    ],
)
def test_recipe_refuses_what_cannot_be_trained_by(values: dict[str, Any], message: str) -> None:
    """A recipe without an epoch, a batch or a true label is refused."""
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(Recipe(), **values)


def test_earlier_steps_weigh_more_the_later() -> None:
    """Of four steps the last weighs 1 and the others share their weight as 1 to 2 to 3; one step has no others."""
    assert Recipe(earlier_steps_weight=3).step_weights(4).tolist() == [0.5, 1.0, 1.5, 1.0]
    assert Recipe(earlier_steps_weight=0).step_weights(3).tolist() == [0, 0, 1]
    assert Recipe().step_weights(1).tolist() == [1]


def test_epoch_images_are_whole_batches() -> None:
    """An epoch of 100 images is three batches of 32 views `<float32>[32, 28, 28, 1]` in 0..1 and one-hot labels."""
    drawn = batches(Recipe(batch_size=32), 0, count=100)
    assert [(views.shape, labels.shape) for views, labels in drawn] == [((32, 28, 28, 1), (32, 10))] * 3
    assert all(views.min() >= 0 and views.max() <= 1 + 1e-6 for views, _ in drawn)
    assert all(labels.sum(axis=1).tolist() == [1.0] * 32 for _, labels in drawn)


def test_epoch_images_keep_their_labels() -> None:
    """Each view carries its own crop's label: of 256 crops in order of class, 256 zeros stay 256 zeros."""
    assert sum(labels[:, 0].sum() for _, labels in batches(RECIPE, 3)) == 256


def test_epoch_images_are_the_same_each_time() -> None:
    """The same seed and epoch give the same views in the same order."""
    for (views, labels), (views_again, labels_again) in zip(batches(RECIPE, 1), batches(RECIPE, 1), strict=True):
        assert np.array_equal(views, views_again)
        assert np.array_equal(labels, labels_again)


def test_epoch_images_differ_between_epochs_and_seeds() -> None:
    """Another epoch or another seed draws other views."""
    first = batches(RECIPE, 1)[0][0]
    assert not np.array_equal(first, batches(RECIPE, 2)[0][0])
    assert not np.array_equal(first, batches(replace(RECIPE, seed=8), 1)[0][0])


def until(line: str, child: subprocess.Popen[str]) -> Iterator[str]:
    assert child.stderr is not None
    for written in child.stderr:
        yield written
        if line in written:
            return


def interrupted(line: str, small: SmallMnist, folder: Path) -> tuple[str, int]:
    """Runs `train rows` in `folder`, presses Ctrl-C at a line of its log; gives all of the log and the status."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, json.dumps(dict(small.sha256)), str(small.folder)]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as child:
        log = "".join(until(line, child))
        child.send_signal(signal.SIGINT)
        log += child.communicate()[1]
    return log, child.returncode


def test_ctrl_c_ends_training_and_the_next_goes_on(small_mnist: SmallMnist, tmp_path: Path) -> None:
    """Ctrl-C ends `train` with status 130 and no traceback, and the next `train` goes on after the last epoch."""
    log, status = interrupted("epoch 2 of 40", small_mnist, tmp_path)
    assert (status, "Traceback" in log) == (130, False)
    assert (tmp_path / "build" / "rows" / "train" / "last.keras").is_file()
    log, status = interrupted("validation accuracy", small_mnist, tmp_path)
    assert (status, "Traceback" in log) == (130, False)
    assert re.findall(r"epoch (\d+) of 40", log)[0] in {"2", "3"}
