"""Tests of `pipeline.own.recipe`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.own.recipe import (
    DataRecipe,
    NetworkRecipe,
    OutputRecipe,
    Recipe,
    RecipeError,
    TrainingRecipe,
    read_recipe,
)

FULL = Recipe(
    NetworkRecipe("nets/scale.keras"),
    DataRecipe("data", "-1..1", "regression", ("weight", 'the "tare"'), 3, drop_duplicates=True, allow_few=True),
    TrainingRecipe(epochs=3, batch_size=16, learning_rate=1e-5, patience=2, seed=1),
    OutputRecipe("kg", ""),
    {"images_min": 20, "error_ratio_max": 1.25},
)
SHORT = '[network]\nsource = "net.keras"\n[data]\nsource = "x.npz"\n'


def refusal(folder: Path, text: str) -> str:
    """Returns why a recipe is refused."""
    path = folder / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError) as error:
        read_recipe(path)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


def test_a_written_recipe_reads_back(tmp_path: Path) -> None:
    """A recipe comes back equal to the one that was written."""
    FULL.write(tmp_path / "recipe.toml")
    assert read_recipe(tmp_path / "recipe.toml") == FULL


def test_sources_are_relative_to_the_recipe(tmp_path: Path) -> None:
    """Paths, also of a function's file, hold in every folder once read; names of modules stay."""
    recipe = Recipe(NetworkRecipe("../nets/net.py:build"), DataRecipe("data"))
    found = recipe.within(tmp_path / "mine")
    assert (found.network.source, found.data.source) == (f"{tmp_path}/nets/net.py:build", f"{tmp_path}/mine/data")
    assert found.beside(tmp_path / "mine") == recipe
    assert found.beside(Path("/elsewhere")) == found
    modules = Recipe(NetworkRecipe("nets.mine:build"), DataRecipe("data.mine:load"))
    assert modules.within(tmp_path) == modules == modules.beside(tmp_path)


@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_reads_back(tmp_path_factory: pytest.TempPathFactory, text: str, number: float) -> None:
    """Quotes, line feeds, control characters and any number come back exactly."""
    path = tmp_path_factory.getbasetemp() / "recipe.toml"
    recipe = Recipe(NetworkRecipe(text), DataRecipe("x", names=(text,)), limits={"images_min": number})
    recipe.write(path)
    assert read_recipe(path) == recipe


def test_what_is_not_written_has_a_default(tmp_path: Path) -> None:
    """Network and data are enough; the scaling and the task are then found out, and the seed is 7."""
    (tmp_path / "recipe.toml").write_text(SHORT)
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert recipe == Recipe(NetworkRecipe("net.keras"), DataRecipe("x.npz"))
    assert recipe.network.precision == "auto"
    assert dataclasses.astuple(recipe.data) == ("x.npz", "", "", (), 7, False, False)
    assert dataclasses.astuple(recipe.training) == (30, 64, 0.001, 5, 7)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[network\n", "Expected ']' at the end of a table declaration (at line 1, column 9)"),
        ("", "network.source: Expected an entry. Received: none"),
        ('[network]\nsource = "net.keras"\n', "data.source: Expected an entry. Received: none"),
        (f"{SHORT}scalling = '0..1'\n", "data.scalling: nothing is called so. Did you mean scaling?"),
        (f"{SHORT}[ouput]\nunits = 'kg'\n", "ouput: nothing is called so. Did you mean output?"),
        (f"{SHORT}[output]\nxyz = 'kg'\n", "output.xyz: nothing is called so. Known: units, decoding"),
        (
            f"{SHORT}[limits]\nimage_min = 5\n",
            "recipe: limits.image_min: nothing is called so. Did you mean images_min?",
        ),
        (f"{SHORT}[limits]\nimages_min = 'few'\n", "recipe.limits.images_min: Expected float. Received: 'few'"),
        (f"{SHORT}seed = 1.5\n", "recipe.data.seed: Expected int. Received: 1.5"),
        (f"{SHORT}names = 'a,b'\n", "recipe.data.names: Expected list. Received: 'a,b'"),
        (f"{SHORT}allow_few = 'yes'\n", "recipe.data.allow_few: Expected bool. Received: 'yes'"),
        (
            f"{SHORT}task = 'class'\n",
            "recipe.data.task: Expected one of ('', 'classes', 'steps', 'multilabel', 'regression'). Received: 'class'",
        ),
        ("network = 'net.keras'\n", "network: Expected a table. Received: 'net.keras'"),
        (f"limits = 3\n{SHORT}", "recipe.limits: Expected dict. Received: 3"),
    ],
)
def test_refuses_another_recipe(tmp_path: Path, text: str, reason: str) -> None:
    """An unknown entry names the nearest, a missing one and a wrong value their places."""
    assert refusal(tmp_path, text) == reason


def test_refuses_training_without_epochs(tmp_path: Path) -> None:
    """A training that could not begin is refused when the recipe is read."""
    reason = refusal(tmp_path, f"{SHORT}[training]\nepochs = 0\n")
    assert reason.startswith("recipe.training: Expected epochs, batch_size and patience of 1 or more, ")


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"recipe\.toml"):
        read_recipe(tmp_path / "recipe.toml")
