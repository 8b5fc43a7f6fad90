"""What a sweep tries: a recipe, the parameters that vary, and how many trials are drawn. A TOML file."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterSampler

from device.typed_json import parsed
from pipeline.own.recipe import Recipe, read_recipe, read_tables, require_known

Metric = Literal["accuracy", "error"]
# The parameters of each trial, and the recipe with them.
Trials = tuple[tuple[Mapping[str, Any], Recipe], ...]

# All trials must answer the same question on the same data.
_FIXED = ("network", "data", "output")
# Some of these draws of a logarithmic range round to the same whole number; enough are left to choose from.
_DRAWS_PER_TRIAL = 8


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; with `log`, each power of ten is drawn as often as the next.

    They are whole numbers if both ends are.
    """

    low: Any
    high: Any
    log: bool = False

    def __post_init__(self) -> None:
        ends = self.low, self.high
        are_numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends)
        if not are_numbers or not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"Expected numbers low < high, above 0 with log. Received: {self}")

    @property
    def distribution(self) -> Any:
        """The distribution to draw from, of scipy; whole numbers of a logarithmic range are drawn as reals."""
        if self.log:
            return loguniform(self.low, self.high)
        return randint(self.low, self.high + 1) if self.is_whole else uniform(self.low, self.high - self.low)

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def value(self, drawn: Any) -> int | float:
        """Returns what was drawn as a number of Python."""
        return round(float(drawn)) if self.is_whole else float(drawn)


@dataclass(frozen=True)
class BaseRecipe:
    """The file of the recipe that the trials vary."""

    path: str


@dataclass(frozen=True)
class SearchRecipe:
    """How many trials are drawn, and run at the same time; what of int8 on validation inputs chooses the best.

    `error` is the mean absolute error of values, `accuracy` that of all other outputs. No trial is stopped early before
    `min_epochs`.
    """

    trials: int = 16
    workers: int = 2
    seed: int = 7
    metric: Metric = "accuracy"
    min_epochs: int = 3

    def __post_init__(self) -> None:
        if min(self.trials, self.workers, self.min_epochs) < 1 or self.seed not in range(2**32):
            raise ValueError(
                f"Expected trials, workers and min_epochs of 1 or more, 0 <= seed < 2^32. Received: {self}"
            )


@dataclass(frozen=True)
class Space:
    """A recipe, its parameters with their values, and the search.

    A parameter is an argument of the build function or, with a dot, an entry of the recipe. It has a list of values or
    a table of a `Range`.
    """

    recipe: BaseRecipe
    space: Mapping[str, Any]
    search: SearchRecipe = field(default_factory=SearchRecipe)

    def __post_init__(self) -> None:
        if not self.parameters:
            raise ValueError("Expected at least one parameter. Received: none")

    @property
    def parameters(self) -> Mapping[str, list[Any] | Range]:
        """The values of each parameter; raises RecipeError, which names it, if they are no list and no range."""
        return {name: _values(name, values) for name, values in _flat(self.space)}


def read_space(path: Path) -> Space:
    """Returns the space in a file; raises RecipeError, which names the entry, for any other file."""
    return read_tables(path, Space)


def draws(space: Space) -> tuple[Mapping[str, Any], ...]:
    """Returns the parameters of each trial, drawn by the seed, none twice; of lists alone, at most all combinations.

    Source: Bergstra, Bengio, Random Search for Hyper-Parameter Optimization, 2012.
    """
    parameters, search = space.parameters, space.search
    ranges = {name: values for name, values in parameters.items() if isinstance(values, Range)}
    of = {name: values.distribution if isinstance(values, Range) else values for name, values in parameters.items()}
    combinations = int(np.prod([len(values) for values in parameters.values() if isinstance(values, list)]))
    count = search.trials * _DRAWS_PER_TRIAL if ranges else min(search.trials, combinations)
    distinct: dict[str, Mapping[str, Any]] = {}
    for drawn in ParameterSampler(of, count, random_state=search.seed):
        trial = {name: ranges[name].value(drawn[name]) if name in ranges else drawn[name] for name in parameters}
        distinct.setdefault(json.dumps(trial), trial)
    return tuple(distinct.values())[: search.trials]


def trial_recipes(space: Space) -> Trials:
    """Returns the parameters of each trial and the recipe with them.

    Raises RecipeError, which names the entry, if the recipe cannot be read or does not take a parameter.
    """
    path = Path(space.recipe.path)
    base = read_recipe(path).within(path.parent)
    return tuple((parameters, with_parameters(base, parameters)) for parameters in draws(space))


def with_parameters(recipe: Recipe, parameters: Mapping[str, Any]) -> Recipe:
    """Returns a recipe with other entries, named `section.entry`, and other arguments of its build function."""
    tables = json.loads(json.dumps(dataclasses.asdict(recipe)))
    for name, value in parameters.items():
        section, _, entry = name.rpartition(".")
        target = tables[section] if section else tables["network"]["arguments"]
        target[entry] = value
    return parsed(Recipe, tables, "recipe")


def _flat(space: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields parameters; TOML reads `training.epochs = …` as a table of a table, `"training.epochs"` as a name."""
    sections = _sections()
    for name, values in space.items():
        entries = {f"{name}.{entry}": each for entry, each in values.items()} if name in sections else {name: values}
        for dotted in entries:
            section, _, entry = dotted.rpartition(".")
            if section:
                require_known("", [dotted], [f"{each}.{one}" for each, known in sections.items() for one in known])
            elif not entry.isidentifier():
                raise ValueError(f"{dotted}: Expected the name of an argument")
        yield from entries.items()


def _sections() -> Mapping[str, list[str]]:
    """Returns the sections of a recipe that may vary, and their entries."""
    kinds = typing.get_type_hints(Recipe)
    sections = {name: kind for name, kind in kinds.items() if dataclasses.is_dataclass(kind) and name not in _FIXED}
    return {name: [each.name for each in dataclasses.fields(kind)] for name, kind in sections.items()}


def _values(name: str, values: Any) -> list[Any] | Range:
    if isinstance(values, list) and values:
        return values
    if not isinstance(values, dict):
        raise ValueError(f"{name}: Expected a list of values, or {{low = …, high = …}}. Received: {values!r}")
    require_known(name, values, [each.name for each in dataclasses.fields(Range)])
    return parsed(Range, {"low": None, "high": None, "log": False, **values}, name)
