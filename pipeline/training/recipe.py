"""How a variant is trained: a TOML file with its network and its training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from device.arrays import Float32
from pipeline.variants import VARIANTS

_RECIPES = Path(__file__).with_name("recipes")


@dataclass(frozen=True)
class AffineRange:
    """The ranges of a view's distortions; each value is drawn uniformly from ± its range."""

    rotation_degrees: float = 12.0
    scale: float = 0.12
    shear: float = 0.2
    shift_pixels: float = 1.5

    def __post_init__(self) -> None:
        if not 0 <= self.scale < 1:
            raise ValueError(f"Expected 0 <= scale < 1. Received: scale={self.scale}")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    `earlier_steps_weight` is the loss weight of all time steps before the last, whose weight is 1. `cell_noise` is the
    standard deviation of the noise on the cell states, `corrupted_share` the share of crops that get a camera's faults.
    Of an epoch's crops `photographed_share` are synthetic photographs of digits and `negative_share` show no digit.

    `teacher` is a released variant. Its probabilities for a digit, as it was before it got faults, are mixed into the
    digit's target: `teacher_share` of it.
    """

    epochs: int = 40
    batch_size: int = 128
    peak_learning_rate: float = 2e-3
    warmup_epochs: float = 1.0
    weight_decay: float = 0.02
    label_smoothing: float = 0.03
    earlier_steps_weight: float = 1.0
    cell_noise: float = 0.0
    corrupted_share: float = 0.4
    photographed_share: float = 0.42
    negative_share: float = 0.26
    teacher: str = ""
    teacher_share: float = 0.0
    seed: int = 7
    views: AffineRange = field(default_factory=AffineRange)

    def __post_init__(self) -> None:
        for expected, received, valid in (
            ("epochs >= 1", self.epochs, self.epochs >= 1),
            ("batch_size >= 1", self.batch_size, self.batch_size >= 1),
            ("0 <= label_smoothing < 1", self.label_smoothing, 0 <= self.label_smoothing < 1),
            ("cell_noise >= 0", self.cell_noise, 0 <= self.cell_noise < np.inf),
            ("0 <= corrupted_share <= 1", self.corrupted_share, 0 <= self.corrupted_share <= 1),
            ("0 <= photographed_share <= 1", self.photographed_share, 0 <= self.photographed_share <= 1),
            (
                "0 <= negative_share <= 1 - photographed_share",
                self.negative_share,
                0 <= self.negative_share <= 1 - self.photographed_share,
            ),
            ("0 <= teacher_share <= 1", self.teacher_share, 0 <= self.teacher_share <= 1),
            (f"a teacher of {', '.join(VARIANTS)}", self.teacher, self.teacher in {"", *VARIANTS}),
            (
                "a teacher_share above 0 with a teacher alone",
                self.teacher_share,
                bool(self.teacher) == bool(self.teacher_share),
            ),
            ("earlier_steps_weight >= 0", self.earlier_steps_weight, 0 <= self.earlier_steps_weight < np.inf),
        ):
            if not valid:
                raise ValueError(f"Expected {expected}. Received: {received}")

    def step_weights(self, steps: int) -> Float32:
        """Returns each time step's loss weight, `<float32>[steps]`: 1 for the last, rising over the earlier ones."""
        weights = np.arange(1, steps + 1, dtype=np.float32)
        weights[:-1] *= self.earlier_steps_weight / max(1.0, weights[:-1].sum())
        weights[-1] = 1
        return weights


@dataclass(frozen=True)
class VariantNetwork:
    """The variant whose layers are trained."""

    variant: str

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"Expected a variant of {', '.join(VARIANTS)}. Received: {self.variant!r}")


@dataclass(frozen=True)
class VariantRecipe:
    """A variant, and how it learns digits."""

    network: VariantNetwork
    training: Recipe


def recipe_of(variant: str) -> Path:
    """Returns the file with the recipe of a variant's release."""
    return _RECIPES / f"{variant}.toml"
