"""The recipe of a model: its network, its data, what its output means, and what the gate allows. A TOML file.

It lies beside the model, so that the gate can load the same data again and convert the same network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from converters.workspace import Wanted
from device import toml_tables
from device.whole_file import write_whole
from pipeline.gate.limits import Limits

RECIPE_NAME = "recipe.toml"
Tables = TypeVar("Tables")


class RecipeError(ValueError):
    """A recipe cannot be read; the message names the entry."""


@dataclass(frozen=True)
class NetworkRecipe:
    """Where the float network is from: a `.keras` or `.h5` file, a SavedModel, or `package.module:function`.

    `arguments` are those of a function, by name: numbers, texts, truth values and lists of them. `precision` is that of
    recurrent cells in the file: `auto` is int8 where that is precise enough.
    """

    source: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    precision: Wanted = "auto"

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

    def write(self, path: Path) -> None:
        """Writes the recipe as TOML."""
        tables = dataclasses.asdict(self)
        write_whole(path, "\n".join(_table(name, entries) for name, entries in tables.items()))


def read_recipe(path: Path) -> Recipe:
    """Returns the recipe in a file; raises RecipeError, which names the entry, for any other file."""
    return read_tables(path, Recipe)


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
