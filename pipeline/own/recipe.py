"""The recipe of a model: its network, its data, what its output means, and what the gate allows. A TOML file.

It lies beside the model, so that the gate can load the same data again and convert the same network.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from converters.workspace import Wanted
from device import toml_tables
from device.whole_file import write_whole
from pipeline.gate.limits import Limits

RECIPE_NAME = "recipe.toml"
Tables = TypeVar("Tables")
Time = Literal["windows", "continuous"]


class RecipeError(ValueError):
    """A recipe cannot be read; the message names the entry."""


@dataclass(frozen=True)
class NetworkRecipe:
    """Where the float network is from: a `.keras` or `.h5` file, a SavedModel, or `package.module:function`.

    `arguments` are those of a function, by name: numbers, texts, truth values and lists of them. `precision` is that of
    recurrent cells in the file: `auto` is int8 where that is precise enough. `time` says whether the states are reset
    for each input, `windows`, or never, `continuous`; empty is what the network's layers say.
    """

    source: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    precision: Wanted = "auto"
    time: Literal["", "windows", "continuous"] = ""

    def __post_init__(self) -> None:
        for name, value in self.arguments.items():
            items = value if isinstance(value, list) else [value]
            if not all(isinstance(item, (bool, int, float, str)) for item in items):
                raise ValueError(f"arguments.{name}: Expected numbers, texts or truth values. Received: {value!r}")


@dataclass(frozen=True)
class DataRecipe:
    """The inputs and labels: see `pipeline.data.own.read`.

    `scaling` is what the network sees for grey levels 0 and 255, such as `0..1`; empty if the network's first layer
    says, or else 0..1. `task` is empty if the labels say what they mean.
    """

    source: str
    scaling: str = ""
    task: Literal["", "classes", "steps", "multilabel", "regression"] = ""
    names: tuple[str, ...] = ()
    seed: int = 7
    drop_duplicates: bool = False
    allow_few: bool = False


@dataclass(frozen=True)
class TrainingRecipe:
    """How `train` trains the network; `patience` is how many epochs the validation loss may fail to fall."""

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    patience: int = 5
    seed: int = 7

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.patience) < 1 or not 0 < self.learning_rate < 1:
            expected = "epochs, batch_size and patience of 1 or more, and 0 < learning_rate < 1"
            raise ValueError(f"Expected {expected}. Received: {self}")


@dataclass(frozen=True)
class OutputRecipe:
    """The `units` of values, and how answers to each step are decoded."""

    units: str = ""
    decoding: Literal["", "ctc"] = ""


@dataclass(frozen=True)
class Recipe:
    """All that a model is made with."""

    network: NetworkRecipe
    data: DataRecipe
    training: TrainingRecipe = TrainingRecipe()
    output: OutputRecipe = OutputRecipe()
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_known("limits", self.limits, [each.name for each in dataclasses.fields(Limits)])

    def within(self, folder: Path) -> Recipe:
        """Returns a recipe that lies in a folder, with sources that hold everywhere: a recipe's are relative to it."""
        return self._with_sources(lambda source: _located(source, folder))

    def beside(self, folder: Path) -> Recipe:
        """Returns the recipe to write into a folder: `within` it gives this one."""
        return self._with_sources(lambda source: _relative(source, folder))

    def _with_sources(self, changed: Callable[[str], str]) -> Recipe:
        network = replace(self.network, source=changed(self.network.source))
        return replace(self, network=network, data=replace(self.data, source=changed(self.data.source)))

    def write(self, path: Path) -> None:
        """Writes the recipe as TOML."""
        tables = dataclasses.asdict(self)
        write_whole(path, "\n".join(_table(name, entries) for name, entries in tables.items()))


def _located(source: str, folder: Path) -> str:
    """Returns a path, or that of a function's file, as one that holds everywhere; the name of a module stays."""
    file, colon, function = source.partition(":")
    is_module = colon and not file.endswith(".py")
    return source if is_module else f"{(folder / file).resolve()}{colon}{function}"


def _relative(source: str, folder: Path) -> str:
    file, colon, function = source.partition(":")
    path, place = Path(file), folder.resolve()
    # What shares no folder with the recipe is not moved with it.
    if not path.is_absolute() or len(Path(os.path.commonpath([path, place])).parts) < 2:
        return source
    return f"{Path(os.path.relpath(path, place)).as_posix()}{colon}{function}"


def read_recipe(path: Path) -> Recipe:
    """Returns the recipe in a file, as written; raises RecipeError, which names the entry, for any other file."""
    return read_tables(path, Recipe)


def is_of_variant(path: Path) -> bool:
    """Returns whether a recipe is that of a variant: it names one instead of a network's source."""
    try:
        network = toml_tables.loads(path.read_text(encoding="utf-8-sig")).get("network")
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from error
    return isinstance(network, dict) and "variant" in network


def read_tables(path: Path, kind: type[Tables]) -> Tables:
    """Returns a TOML file as a dataclass, as `device.toml_tables` does, but raises RecipeError for any other file."""
    try:
        return toml_tables.read_tables(path, kind)
    except ValueError as error:
        raise RecipeError(str(error)) from error


def require_known(where: str, written: Iterable[str], known: Iterable[str]) -> None:
    """Raises RecipeError, which names the nearest known one, if a name is unknown; `where` is the table."""
    try:
        toml_tables.require_known(where, written, known)
    except ValueError as error:
        raise RecipeError(str(error)) from error


def _table(name: str, entries: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(toml_tables.entry(key, value) for key, value in entries.items())
