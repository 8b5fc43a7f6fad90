"""Tests of `pipeline.training.recipe` and the recipes of the variants."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pipeline.cli.commands import Convert, Train
from pipeline.cli.parser import parse
from pipeline.own.recipe import RecipeError, read_tables
from pipeline.training.recipe import Recipe, VariantNetwork, VariantRecipe, recipe_of
from tests.conftest import MODELS


def test_a_recipe_is_that_of_the_released_weights(variant: str) -> None:
    """Each variant's recipe is what `training.json` beside its weights says that they were trained by."""
    recipe = read_tables(recipe_of(variant), VariantRecipe)
    stated = json.loads((MODELS / variant / "training.json").read_text())
    del stated["training_set"]
    # Some are older than the noise on cell states, corrupted crops, teachers, or the shares of an epoch.
    older = {"cell_noise": 0.0, "corrupted_share": 0.0, "teacher": "", "teacher_share": 0.0}
    expected = {**older, "photographed_share": 0.42, "negative_share": 0.26, **stated}
    assert {"variant": recipe.network.variant, **dataclasses.asdict(recipe.training)} == expected


def test_a_variants_recipe_is_trained_and_converted_by_its_file(tmp_path: Path) -> None:
    """`train` and `convert` take the file of a recipe as they take the variant's name."""
    path = tmp_path / "mine.toml"
    path.write_text('[network]\nvariant = "rows"\n[training]\nepochs = 3\nviews.scale = 0.2\n')
    command = parse(["train", str(path)])
    assert isinstance(command, Train)
    assert command.recipe.network == VariantNetwork("rows")
    assert (command.recipe.training.epochs, command.recipe.training.views.scale) == (3, 0.2)
    named = parse(["train", "conv1d"])
    assert isinstance(named, Train)
    assert named.recipe == read_tables(recipe_of("conv1d"), VariantRecipe)
    converted = parse(["convert", str(path)])
    assert isinstance(converted, Convert)
    assert converted.variant == "rows"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('variant = "row"', "Expected a variant of rows2d, cols2d, conv1d, rows, fast, tiny. Received: 'row'"),
        ('variant = "rows"\n[training]\nepoch = 3', "training.epoch: nothing is called so. Did you mean epochs?"),
        ('variant = "rows"\n[training]\nepochs = 0', "Expected epochs >= 1. Received: 0"),
        ('variant = "rows"\n[data]\nsource = "x"', "data: nothing is called so. Known: network, training"),
    ],
)
def test_refuses_another_recipe(tmp_path: Path, text: str, reason: str) -> None:
    """An unknown variant or entry, and a value out of range, are refused with the nearest that is known."""
    path = tmp_path / "recipe.toml"
    path.write_text(f"[network]\n{text}\n")
    with pytest.raises(RecipeError) as error:
        parse(["train", str(path)])
    assert reason in str(error.value)


def test_a_variants_weights_have_its_name(tmp_path: Path) -> None:
    """Another name would leave them where nothing converts them."""
    path = tmp_path / "mine.toml"
    path.write_text('[network]\nvariant = "rows"\n')
    with pytest.raises(ValueError, match=r"Expected no --name for .*: its weights are rows's"):
        parse(["train", str(path), "--name", "mine"])
    assert Recipe() == read_tables(path, VariantRecipe).training
