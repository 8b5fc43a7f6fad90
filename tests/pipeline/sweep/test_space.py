"""Tests of `pipeline.sweep.space`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.own.recipe import DataRecipe, NetworkRecipe, Recipe, RecipeError, read_recipe
from pipeline.sweep.space import Range, SearchRecipe, draws, read_space, trial_recipes

SPACE = """
[recipe]
path = "recipe.toml"

[space]
width = [8, 16, 32]
cells = [[8], [8, 8]]
depth = {low = 1, high = 3}
training.learning_rate = {low = 1e-4, high = 1e-2, log = true}
"training.batch_size" = [16, 64]

[search]
trials = 12
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "space.toml"
    path.write_text(text)
    return path


def test_a_space_has_lists_and_ranges_and_dotted_names(tmp_path: Path) -> None:
    """Parameters are lists or ranges; an entry of the recipe has a dot, quoted or not; the rest has defaults."""
    space = read_space(written(tmp_path, SPACE))
    assert space.parameters == {
        "width": [8, 16, 32],
        "cells": [[8], [8, 8]],
        "depth": Range(1, 3),
        "training.learning_rate": Range(1e-4, 1e-2, log=True),
        "training.batch_size": [16, 64],
    }
    assert space.search == SearchRecipe(trials=12, workers=2, seed=7, metric="accuracy", min_epochs=3)


def test_draws_are_distinct_repeatable_and_in_their_ranges(tmp_path: Path) -> None:
    """The same seed draws the same trials; each value is in its range, whole where both ends are."""
    space = read_space(written(tmp_path, SPACE))
    drawn = draws(space)
    assert drawn == draws(space)
    assert len(drawn) == 12
    assert len({str(trial) for trial in drawn}) == 12
    assert {trial["depth"] for trial in drawn} == {1, 2, 3}
    assert all(type(trial["depth"]) is int for trial in drawn)
    rates = [trial["training.learning_rate"] for trial in drawn]
    assert all(type(rate) is float and 1e-4 <= rate <= 1e-2 for rate in rates)
    assert any(rate < 1e-3 for rate in rates)


def test_lists_alone_give_each_combination_once(tmp_path: Path) -> None:
    """Where there are fewer combinations than trials, each is tried once."""
    text = '[recipe]\npath = "r"\n[space]\nwidth = [8, 16]\ndepth = [1, 2]\n[search]\ntrials = 9\n'
    drawn = draws(read_space(written(tmp_path, text)))
    assert sorted((trial["width"], trial["depth"]) for trial in drawn) == [(8, 1), (8, 2), (16, 1), (16, 2)]


def test_whole_numbers_of_a_logarithmic_range_are_whole_and_distinct(tmp_path: Path) -> None:
    """A logarithmic range of whole numbers gives whole numbers, each once."""
    text = '[recipe]\npath = "r"\n[space]\nwidth = {low = 4, high = 6, log = true}\n'
    assert sorted(trial["width"] for trial in draws(read_space(written(tmp_path, text)))) == [4, 5, 6]


def test_parameters_go_into_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain names become arguments of the build function, dotted ones entries; the written recipe reads back."""
    monkeypatch.chdir(tmp_path)
    network = NetworkRecipe("net.py:build", {"width": 4, "kind": "GRU"})
    Recipe(network, DataRecipe("x.npz")).write(tmp_path / "recipe.toml")
    text = '[recipe]\npath = "recipe.toml"\n[space]\nwidth = [8]\ncells = [[8, 2]]\ntraining.learning_rate = [0.01]\n'
    ((parameters, recipe),) = trial_recipes(read_space(written(tmp_path, text)))
    assert parameters == {"width": 8, "cells": [8, 2], "training.learning_rate": 0.01}
    assert recipe.network.arguments == {"width": 8, "kind": "GRU", "cells": [8, 2]}
    assert (recipe.training.learning_rate, recipe.training.epochs) == (0.01, 30)
    recipe.write(tmp_path / "best.toml")
    assert read_recipe(tmp_path / "best.toml") == recipe


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[space]\nwidth = [8]\n", "recipe.path: Expected an entry. Received: none"),
        ("[recipe]\npath = 'r'\n[space]\n", "space: Expected at least one parameter. Received: none"),
        ("width = 8\n", "space: width: Expected a list of values, or {low = …, high = …}. Received: 8"),
        ("width = []\n", "space: width: Expected a list of values"),
        ("width = {low = 1, hihg = 2}\n", "space: width.hihg: nothing is called so. Did you mean high?"),
        ("width = {low = 1}\n", "Expected numbers low < high, above 0 with log. Received: Range(low=1, high=None"),
        ("width = {low = 0, high = 2, log = true}\n", "above 0 with log. Received: Range(low=0"),
        (
            "training.learning_rat = [1]\n",
            "space: training.learning_rat: nothing is called so. Did you mean training.le",
        ),
        ('"data.seed" = [1]\n', "space: data.seed: nothing is called so. Did you mean training.seed?"),
        ('"no name" = [1]\n', "space: no name: Expected the name of an argument"),
        ("width = [8]\n[search]\ntrails = 3\n", "search.trails: nothing is called so. Did you mean trials?"),
        ("width = [8]\n[search]\nmetric = 'loss'\n", "Expected one of ('accuracy', 'error'). Received: 'loss'"),
        ("width = [8]\n[search]\nworkers = 0\n", "Expected trials, workers and min_epochs of 1 or more"),
    ],
)
def test_another_space_is_refused_by_the_entrys_name(tmp_path: Path, text: str, reason: str) -> None:
    """What is no space is refused; the message has the file's name and the entry's."""
    whole = text if text.startswith("[") else f"[recipe]\npath = 'r'\n[space]\n{text}"
    path = written(tmp_path, whole)
    with pytest.raises(RecipeError) as error:
        read_space(path)
    assert str(error.value).startswith(f"{path}: ")
    assert reason in str(error.value)


def test_a_value_of_another_type_is_refused_before_any_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry of the recipe refuses a value that it cannot have."""
    monkeypatch.chdir(tmp_path)
    Recipe(NetworkRecipe("net.py:build"), DataRecipe("x.npz")).write(tmp_path / "recipe.toml")
    text = '[recipe]\npath = "recipe.toml"\n[space]\ntraining.epochs = ["many"]\n'
    with pytest.raises(ValueError, match=r"recipe\.training\.epochs: Expected int\. Received: 'many'"):
        trial_recipes(read_space(written(tmp_path, text)))
