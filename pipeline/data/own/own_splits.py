"""Divides anybody's data into training, validation, test and calibration inputs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from device.arrays import Indices
from pipeline.data.own.duplicates import kept, require_one_label, same_inputs
from pipeline.data.own.own_data import PARTS, OwnData, Strings, some

MAX_CALIBRATION = 512
_Strata = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Shares:
    """How much of what is not yet in a part becomes test, then validation inputs; how many calibrate at most."""

    validation: float = 0.15
    test: float = 0.15
    max_calibration: int = MAX_CALIBRATION

    def __post_init__(self) -> None:
        if not (0 < self.validation <= 0.5 and 0 < self.test <= 0.5 and self.max_calibration > 0):
            raise ValueError(f"Expected shares above 0, up to 0.5, and a calibration input. Received: {self}")


@dataclass(frozen=True)
class OwnSplits:
    """The parts of the data. `calibration` are the inputs of `training` at `calibration_indices`, `<intp>[n]`."""

    training: OwnData
    validation: OwnData
    test: OwnData
    calibration: OwnData
    calibration_indices: Indices
    seed: int
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {part: len(getattr(self, part)) for part in (*PARTS, "calibration")}
        if not all(lengths.values()):
            raise ValueError(f"{self.training.source}: Expected inputs in each part. Received: {lengths}")


def split(data: OwnData, seed: int, shares: Shares | None = None, *, drop_duplicates: bool = False) -> OwnSplits:
    """Return the parts that the data name, and draw the other ones from the training inputs.

    The draw is by seed, stratified by target where enough inputs share one, and keeps each group in one part. Shares
    are met as one fold of a whole number of folds. Calibration inputs are drawn from training, of each class in turn.

    Raises ValueError that names the inputs if one has two labels, if an input or a group is in two parts, or if there
    are too few. With `drop_duplicates`, an input that is also in a later part is left out instead, and noted.
    """
    shares = shares or Shares()
    first = same_inputs(data.inputs)
    require_one_label(data, first)
    parts = _parts(data, seed, shares)
    _require_groups_apart(data, parts)
    remaining = kept(data, parts, first, drop=drop_duplicates)
    training, validation, test = (data[np.flatnonzero((parts == part) & remaining.which)] for part in PARTS)
    indices = _of_each_in_turn(_strata(training), seed)[: shares.max_calibration]
    return OwnSplits(
        training=training,
        validation=validation,
        test=test,
        calibration=training[np.sort(indices)],
        calibration_indices=np.sort(indices),
        seed=seed,
        notes=data.notes + remaining.notes,
    )


def _parts(data: OwnData, seed: int, shares: Shares) -> Strings:
    parts = np.full(len(data), "training", "<U10") if data.parts is None else data.parts.astype("<U10")
    for part, share in (("test", shares.test), ("validation", shares.validation)):
        if part not in parts:
            rest = np.flatnonzero(parts == "training")
            parts[rest[_fold(data[rest], seed, share)]] = part
    return parts


def _fold(data: OwnData, seed: int, share: float) -> Indices:
    """Return one of about 1/share folds, `<intp>[n]`."""
    units = len(data) if data.groups is None else len(set(data.groups.tolist()))
    if units < 2:
        what = "inputs" if data.groups is None else "groups"
        raise ValueError(f"{data.source}: Expected at least 2 {what} to divide. Received: {units}")
    folds = min(round(1 / share), units)
    strata = _strata(data)
    if np.bincount(strata).max() < folds:
        strata = np.zeros_like(strata)
    kind = StratifiedKFold if data.groups is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        # A class with fewer inputs than folds cannot be in each: `describe` says where it lacks.
        warnings.simplefilter("ignore", UserWarning)
        _, fold = next(kind(folds, shuffle=True, random_state=seed).split(strata, strata, data.groups))
    return np.asarray(fold, np.intp)


def _strata(data: OwnData) -> _Strata:
    """Return the number of each input's target among the different ones, `<intp>[n]`; 0 for values."""
    if data.task == "regression" or not len(data):
        return np.zeros(len(data), np.intp)
    targets = data.targets.reshape(len(data), -1)
    _, strata = np.unique(targets, axis=0, return_inverse=True)
    return np.asarray(strata, np.intp).reshape(-1)


def _of_each_in_turn(strata: _Strata, seed: int) -> Indices:
    """Return all indices in random order, but one of each stratum before the second of any: ranges need rare ones."""
    order = np.random.default_rng(seed).permutation(len(strata))
    turn = pd.Series(strata[order]).groupby(strata[order]).cumcount().to_numpy()
    return np.asarray(order[np.argsort(turn, kind="stable")], np.intp)


def _require_groups_apart(data: OwnData, parts: Strings) -> None:
    if data.groups is None:
        return
    counts = pd.Series(parts).groupby(data.groups).nunique()
    if torn := counts.index[counts > 1].astype(str).tolist():
        raise ValueError(f"{data.source}: Expected each group in one part. Received in several: {some(torn)}")
