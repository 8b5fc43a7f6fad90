"""Where a variant's files are: candidates under `build/`, releases under `models/`."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from device.contract.manifest import GOLDEN_NAME, MANIFEST_NAME
from pipeline.lock import folder_lock

MODELS = Path("models")
BUILD = Path("build")
PAGES = BUILD / "report"


@dataclass(frozen=True)
class Folder:
    """A folder whose entries have fixed names."""

    path: Path


class Entry:
    """An attribute of a `Folder` that gives the path of one entry."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: Folder, _owner: type[Folder]) -> Path:
        return folder.path / self._name


class ModelFolder(Folder):
    """A model: float weights and how they were trained, int8 file, manifest, model card with its pictures.

    `network` is the whole float network of a model that is not one of the variants; it replaces `weights`.
    `recipe` says where its network and data are from. `calibration` has the SHA-256 of each calibration input, one a
    line. `golden` has inputs and the logits of the int8 file for them.
    """

    weights = Entry("float.weights.h5")
    network = Entry("float.keras")
    training = Entry("training.json")
    recipe = Entry("recipe.toml")
    calibration = Entry("calibration.sha256")
    int8_tflite = Entry("model.int8.tflite")
    golden = Entry(GOLDEN_NAME)
    manifest = Entry(MANIFEST_NAME)
    card = Entry("README.md")
    _complete = Entry(".complete")

    @property
    def float_model(self) -> Path:
        """The whole float network if there is one, else the weights of a variant."""
        return self.network if self.network.is_file() else self.weights

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The pictures that a card may have."""
        return self.picture("recall"), self.picture("reading")

    def picture(self, name: str) -> Path:
        return self.path / f"{name}.svg"

    @property
    def is_unfinished(self) -> bool:
        """Whether a process was killed while it replaced the files, so that `finish` is needed."""
        return self._complete.is_dir()

    @contextmanager
    def replaced(self) -> Iterator[ModelFolder]:
        """Gives a folder to make a whole model in; at the end its files come here, unless an exception ends the block.

        Files that are the same already are left alone, so that nothing made from them becomes stale. Pictures and float
        weights that the new model does not have are deleted. The caller holds the folder's lock.
        """
        self.finish()
        staged = ModelFolder(self.path / ".unfinished")
        shutil.rmtree(staged.path, ignore_errors=True)
        staged.path.mkdir(parents=True)
        try:
            yield staged
            for path in (*staged.pictures, staged.weights, staged.network, staged.training, staged.recipe):
                path.touch()
            staged.path.rename(self._complete)
        finally:
            shutil.rmtree(staged.path, ignore_errors=True)
        self.finish()

    def finish(self) -> None:
        """Moves the files of a complete model here, the manifest last; an empty one stands for one to delete.

        Every step can be repeated, so a process that is killed here leaves nothing that the next cannot finish.
        """
        if not self.is_unfinished:
            return
        for path in sorted(self._complete.iterdir(), key=lambda path: path.name == MANIFEST_NAME):
            place = self.path / path.name
            if not path.stat().st_size:
                place.unlink(missing_ok=True)
                path.unlink()
            elif place.is_file() and filecmp.cmp(path, place, shallow=False):
                path.unlink()
            else:
                path.replace(place)
        self._complete.rmdir()


class BuildFolder(ModelFolder):
    """A candidate: a model folder, with what training, conversion and gate leave beside the model."""

    train = Entry("train")
    contact_sheet = Entry("inputs.png")
    evaluation = Entry("evaluation.json")
    gate = Entry("gate")


class ReportFolder(Folder):
    """The gate's reports on a model."""

    json = Entry("gate.json")
    junit = Entry("junit.xml")
    summary = Entry("summary.md")


class SweepFolder(Folder):
    """A sweep: the trials that it is for, the state of those that run, and what was found."""

    trials = Entry("trials.json")
    state = Entry("ray")
    results = Entry("results.json")
    recipe = Entry("recipe.toml")
    front = Entry("front.svg")


def model_folder(variant: str) -> ModelFolder:
    """Returns the folder of a variant's release, under the working directory."""
    return ModelFolder(MODELS / variant)


def finished_model(path: Path) -> ModelFolder:
    """Returns the model in a folder, after completing what a killed process left there.

    Raises RuntimeError if another process is writing there.
    """
    model = ModelFolder(path)
    if model.is_unfinished:
        with folder_lock(path):
            model.finish()
    return model


def build_folder(variant: str) -> BuildFolder:
    """Returns the folder of a variant's candidate, under the working directory."""
    return BuildFolder(BUILD / variant)


def sweep_folder(name: str) -> SweepFolder:
    """Returns the folder of a sweep, under the working directory."""
    return SweepFolder(BUILD / "sweep" / name)


def weights_folder(variant: str) -> ModelFolder:
    """Returns the folder with the float weights to convert: that of a training in `build/`, else the release's."""
    folders = ModelFolder(build_folder(variant).train), model_folder(variant)
    for folder in folders:
        if folder.weights.is_file():
            return folder
    expected = " or ".join(str(folder.weights) for folder in folders)
    raise FileNotFoundError(f"Expected float weights of {variant}: {expected}. Found neither: make train")
