"""A model by its recipe, before anything of it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.own.recipe import Recipe, Time


@dataclass(frozen=True)
class OwnModel:
    """A recipe, the name of the model, and whether the recipe's code may run."""

    recipe: Recipe
    name: str
    trust: bool = False
    trained: Path | None = None  # the network in place of the recipe's, after `train`

    def with_time(self, time: Time) -> OwnModel:
        """Returns the model with a recipe that says whether states are reset."""
        return replace(self, recipe=replace(self.recipe, network=replace(self.recipe.network, time=time)))

    @property
    def source(self) -> str:
        return self.recipe.network.source if self.trained is None else str(self.trained)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the recipe's build function is called with; a trained network is a file and takes none."""
        return self.recipe.network.arguments if self.trained is None else {}
