"""The recipe of a model: its network, its data, what its output means, and what the gate allows. A TOML file.

It lies beside the model, so that the gate can load the same data again and convert the same network.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from converters.workspace import Wanted
from device.typed_json import parsed
from device.whole_file import write_whole
from pipeline.gate.limits import Limits

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
        network = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("network")
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from error
    return isinstance(network, dict) and "variant" in network


def read_tables(path: Path, kind: type[Tables]) -> Tables:
    """Returns a TOML file as a dataclass; a field of a dataclass is a table, and what is not written has its default.

    Raises RecipeError, which names the entry, for any other file.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return parsed(kind, _with_defaults(kind, written, ""), kind.__name__.lower())
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from error


def _with_defaults(kind: type[Any], written: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns entries with the defaults of those that are not written; raises RecipeError for unknown ones."""
    if not isinstance(written, dict):
        raise RecipeError(f"{where}: Expected a table. Received: {written!r}")
    known, hints = {each.name: each for each in dataclasses.fields(kind)}, typing.get_type_hints(kind)
    require_known(where, written, known)
    entries: dict[str, Any] = {}
    for name, each in known.items():
        if dataclasses.is_dataclass(hints[name]):
            entries[name] = _with_defaults(hints[name], written.get(name, {}), name)
        elif name in written:
            entries[name] = written[name]
        elif each.default_factory is not dataclasses.MISSING:
            entries[name] = each.default_factory()
        elif each.default is not dataclasses.MISSING:
            entries[name] = list(each.default) if isinstance(each.default, tuple) else each.default
        else:
            raise RecipeError(f"{where}.{name}: Expected an entry. Received: none")
    return entries


def require_known(where: str, written: Iterable[str], known: Iterable[str]) -> None:
    """Raises RecipeError, which names the nearest known one, if a name is unknown; `where` is the table."""
    names = list(known)
    for name in written:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(names)}"
            raise RecipeError(f"{where + '.' if where else ''}{name}: nothing is called so.{hint}")


def _table(name: str, entries: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in entries.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_value(key)} = {_value(each)}" for key, each in value.items()) + "}"
    # What JSON writes of these types is TOML, but for one control character.
    written = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return written.replace("\x7f", "\\u007f")
