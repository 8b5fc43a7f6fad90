"""Tests of `pipeline.own.own_model`, and of the arguments that a recipe has for a build function."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.own.own_model import OwnModel
from pipeline.own.recipe import DataRecipe, NetworkRecipe, Recipe, RecipeError, read_recipe


def test_a_trained_network_takes_no_arguments() -> None:
    """The arguments are those of the build function; a network that was trained is a file."""
    recipe = Recipe(NetworkRecipe("net.py:build", {"units": 8}), DataRecipe("x.npz"))
    assert OwnModel(recipe, "mine").arguments == {"units": 8}
    assert OwnModel(recipe, "mine", trained=Path("float.keras")).arguments == {}


def test_arguments_are_written_and_read(tmp_path: Path) -> None:
    """Numbers, texts, truth values and lists come back equal, whatever their names have in them."""
    arguments = {"units": 8, "rate": 1e-5, "kind": "GRU", "deep": True, "sizes": [8, 4], 'a "name"': 1}
    recipe = Recipe(NetworkRecipe("net.py:build", arguments), DataRecipe("x.npz"))
    recipe.write(tmp_path / "recipe.toml")
    assert read_recipe(tmp_path / "recipe.toml") == recipe


def test_other_arguments_are_refused_by_name(tmp_path: Path) -> None:
    """What JSON cannot hold, such as a date, is refused; the message names the argument."""
    text = '[network]\nsource = "n.py:build"\narguments = {day = 2026-01-01}\n[data]\nsource = "x.npz"\n'
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(RecipeError, match=r"network: arguments\.day: Expected numbers, texts or truth values"):
        read_recipe(tmp_path / "recipe.toml")
