"""The commands for networks and data of one's own; see `commands`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.contract.names import is_model_name
from device.exit_status import ExitStatus
from pipeline.cli.command import Command, import_tensorflow
from pipeline.cli.commands import Convert, Train
from pipeline.folders import ModelFolder, build_folder
from pipeline.lock import folder_lock
from pipeline.own.own_model import OwnModel
from pipeline.own.recipe import (
    RECIPE_NAME,
    DataRecipe,
    NetworkRecipe,
    OutputRecipe,
    Recipe,
    is_of_variant,
    read_recipe,
    read_tables,
)
from pipeline.training.recipe import VariantRecipe, recipe_of
from pipeline.variants import VARIANTS

_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True)
class ConvertOwn:
    """Convert a variant, or an own network with own data, to a candidate in build/NAME: int8 file, manifest, card."""

    recipe: Recipe
    name: str
    trust: bool

    def run(self) -> None:
        from converters.loading.source import read_source

        candidate = build_folder(self.name)
        trained = ModelFolder(candidate.train).network
        model = OwnModel(self.recipe, self.name, self.trust, trained if trained.is_file() else None)
        read_source(model.source, trust=self.trust)
        with folder_lock(candidate.path):
            import_tensorflow()
            from pipeline.own.make import make_own_candidate
            from pipeline.release.evaluate import table, write_evaluation

            evaluation = make_own_candidate(model, candidate)
            write_evaluation(evaluation, candidate.evaluation)
        print(table([evaluation]))
        print(f"python -m pipeline gate {candidate.path}")


@dataclass(frozen=True)
class TrainOwn:
    """Train a variant, or the network of a recipe, into build/NAME/train; `convert` then takes it from there."""

    recipe: Recipe
    name: str
    trust: bool

    def run(self) -> None:
        from converters.loading.source import read_source

        read_source(self.recipe.network.source, trust=self.trust)
        trained = ModelFolder(build_folder(self.name).train)
        with folder_lock(trained.path):
            import_tensorflow()
            from pipeline.own.train import train_own

            train_own(OwnModel(self.recipe, self.name, self.trust), trained)
        print(trained.network)


@dataclass(frozen=True)
class Init:
    """Write a recipe for a network and its data, to edit and to convert."""

    recipe: Recipe
    out: Path

    def run(self) -> ExitStatus | None:
        if self.out.exists():
            raise FileExistsError(f"{self.out}: Expected no file there. Name another: --out FILE")
        self.recipe.beside(self.out.parent).write(self.out)
        print(f"python -m pipeline convert {self.out}")
        return None


def convert(model: str, data: Path | None, name: str, *, trust: bool, **options: Any) -> Command:
    """Returns the command that converts a variant by its name, or a network by its file, function or recipe."""
    if model in VARIANTS:
        _refuse_given({"name": name, **options}, f"the variant {model}")
        return Convert(model, data)
    source = Path(model)
    if source.suffix == ".toml" and is_of_variant(source):
        return convert(read_tables(source, VariantRecipe).network.variant, data, name, trust=trust, **options)
    if source.suffix == ".toml":
        _refuse_given({"data": data, **options}, f"the recipe {model}, which says it")
        recipe = read_recipe(source).within(source.parent)
        return ConvertOwn(recipe, chosen_name(name, recipe.network.source), trust)
    return ConvertOwn(own_recipe(model, data, options), chosen_name(name, model), trust)


def train(model: str, name: str, *, trust: bool, **paths: Path | None) -> Command:
    """Returns the command that trains a variant by its name, with the paths of `Train`, or the network of a recipe."""
    path = recipe_of(model) if model in VARIANTS else Path(model)
    if is_of_variant(path):
        of_digits = read_tables(path, VariantRecipe)
        if name not in ("", of_digits.network.variant):
            raise ValueError(f"Expected no --name for {model}: its weights are {of_digits.network.variant}'s")
        return Train(of_digits, **paths)
    if given := [option for option, value in paths.items() if value is not None]:
        raise ValueError(f"Expected --{given[0]} with one of {', '.join(VARIANTS)}. Received: {model}")
    recipe = read_recipe(path).within(path.parent)
    return TrainOwn(recipe, chosen_name(name, recipe.network.source), trust)


def init(source: str, data: Path | None, out: Path | None, **options: Any) -> Init:
    """Returns the command that writes a recipe."""
    return Init(own_recipe(source, data, options), out or Path(RECIPE_NAME))


def own_recipe(source: str, data: Path | None, options: Mapping[str, Any]) -> Recipe:
    """Returns the recipe of a network and the options; raises ValueError without data."""
    if data is None:
        raise ValueError(f"Expected the data of {source}: --data FOLDER, FILE or MODULE:FUNCTION")
    output = {key: options[key] for key in ("units", "decoding") if options.get(key)}
    network = {key: options[key] for key in ("precision", "time") if options.get(key)}
    others = {key: value for key, value in options.items() if _is_given(value) and key not in (*output, *network)}
    if "names" in others:
        others["names"] = tuple(others["names"].split(","))
    recipe = Recipe(NetworkRecipe(source, **network), DataRecipe(str(data), **others), output=OutputRecipe(**output))
    return recipe.within(Path())


def _refuse_given(options: Mapping[str, Any], what: str) -> None:
    if given := [option for option, value in options.items() if _is_given(value)]:
        raise ValueError(f"Expected no --{given[0].replace('_', '-')} for {what}")


def _is_given(value: Any) -> bool:
    # A seed of 0 is given, and equals False.
    return value is not False and value not in ("", None)


def chosen_name(name: str, source: str) -> str:
    """Returns the name of a model; raises ValueError if its folder would be another's, or none."""
    chosen = name or _name(source)
    if chosen in VARIANTS or not is_model_name(chosen):
        raise ValueError(f"Expected --name of a-z, 0-9, '.', '_' and '-', and no variant's. Received: {chosen!r}")
    return chosen


def _name(source: str) -> str:
    """Returns the name of a model by its source: `nets/My Net.keras` is `my-net`."""
    stem = Path(source.partition(":")[0]).stem or source
    return _NOT_IN_NAMES.sub("-", stem.lower()).strip("-._") or "own"
