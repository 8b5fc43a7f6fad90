"""The variants: how each takes an image as time. Their layers are in `pipeline.training.networks`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from device.pixels import SIDE

LABELS = tuple("0123456789")
# A model's name in its manifest is this and its variant.
PREFIX = "rowstream-"


def model_name(folder: Path) -> str:
    """Returns the name of the model that belongs in a folder: a variant, or an own model named by the folder."""
    return f"{PREFIX}{folder.resolve().name}"


@dataclass(frozen=True)
class Variant:
    """Which axis of an image is time, how many steps it has, and whether its file is `small` (`converters.convert`)."""

    name: str
    time_axis: Literal["rows", "columns"]
    steps: int
    small: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or SIDE % self.steps:
            raise ValueError(f"Expected steps that divide {SIDE} lines. Received: steps={self.steps}")

    @property
    def lines_per_step(self) -> int:
        """Lines of the image that one time step takes."""
        return SIDE // self.steps


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        variant.name: variant
        for variant in (
            Variant("rows2d", "rows", 7),
            Variant("cols2d", "columns", 7),
            Variant("conv1d", "rows", 7),
            Variant("rows", "rows", 28),
            Variant("fast", "rows", 7),
            Variant("tiny", "rows", 7, small=True),
        )
    }
)


def is_small(name: str) -> bool:
    """Returns whether a model of this name is a variant whose file is `small`."""
    return name in VARIANTS and VARIANTS[name].small
