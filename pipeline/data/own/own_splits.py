"""Divides anybody's data into training, validation, test and calibration inputs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from device.arrays import Indices
from pipeline.data.own.duplicates import kept, require_one_label, same_inputs
from pipeline.data.own.own_data import PARTS, OwnData, Strings, some

MAX_CALIBRATION = 512
# How many stretches of a single recording calibrate.
_STRETCHES = 8
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


def split(
    data: OwnData, seed: int, shares: Shares | None = None, *, drop_duplicates: bool = False, in_order: bool = False
) -> OwnSplits:
    """Return the parts that the data name, and draw the other ones from the training inputs.

    The draw is by seed, stratified by target where enough inputs share one, and keeps each group in one part. Shares
    are met as one fold of a whole number of folds. Calibration inputs are drawn from training, of each class in turn.

    With `in_order` each group is a recording, whose inputs follow one another; without groups all inputs are one, whose
    end is for validation and test. Parts have one recording after the other, and whole ones, or stretches of the only
    one, calibrate.

    Raises ValueError that names the inputs if one has two labels, if an input or a group is in two parts, or if there
    are too few. With `drop_duplicates`, an input that is also in a later part is left out instead, and noted.
    """
    shares = shares or Shares()
    first = same_inputs(data.inputs)
    require_one_label(data, first)
    parts = _parts(data, seed, shares, in_order=in_order)
    _require_groups_apart(data, parts)
    remaining = kept(data, parts, first, drop=drop_duplicates)
    chosen = [data[np.flatnonzero((parts == part) & remaining.which)] for part in PARTS]
    training, validation, test = map(_by_recording, chosen) if in_order else chosen
    draw = _stretches if in_order else _of_each_in_turn
    indices = np.sort(draw(training, seed, shares.max_calibration))
    calibration = training[indices]
    if in_order and data.groups is None:
        calibration = replace(calibration, groups=_gaps(indices).astype(np.str_))
    return OwnSplits(
        training=training,
        validation=validation,
        test=test,
        calibration=calibration,
        calibration_indices=indices,
        seed=seed,
        notes=data.notes + remaining.notes,
    )


def runs_of(data: OwnData) -> tuple[int, ...]:
    """Return how many inputs each recording has, of a part that was split in order."""
    if data.groups is None:
        return (len(data),)
    return tuple(np.bincount(pd.factorize(data.groups)[0]).tolist())


def _by_recording(data: OwnData) -> OwnData:
    return data if data.groups is None else data[np.argsort(pd.factorize(data.groups)[0], kind="stable")]


def _parts(data: OwnData, seed: int, shares: Shares, *, in_order: bool) -> Strings:
    parts = np.full(len(data), "training", "<U10") if data.parts is None else data.parts.astype("<U10")
    for part, share in (("test", shares.test), ("validation", shares.validation)):
        if part not in parts:
            rest = np.flatnonzero(parts == "training")
            at_end = in_order and data.groups is None
            fold = np.arange(len(rest))[-max(round(share * len(rest)), 1) :] if at_end else None
            parts[rest[_fold(data[rest], seed, share) if fold is None else fold]] = part
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


def _of_each_in_turn(data: OwnData, seed: int, count: int) -> Indices:
    """Return that many random indices, but one of each stratum before the second of any: ranges need rare ones."""
    strata = _strata(data)
    order = np.random.default_rng(seed).permutation(len(strata))
    turn = pd.Series(strata[order]).groupby(strata[order]).cumcount().to_numpy()
    return np.asarray(order[np.argsort(turn, kind="stable")][:count], np.intp)


def _stretches(data: OwnData, seed: int, count: int) -> Indices:
    """Return the indices of random recordings, that many in all, or of stretches of the only one."""
    if data.groups is None:
        begins = np.linspace(0, len(data), _STRETCHES, endpoint=False).astype(np.intp)
        length = min(count // _STRETCHES, len(data) // _STRETCHES) if count < len(data) else len(data)
        return np.asarray(np.unique((begins[:, np.newaxis] + np.arange(length)).clip(max=len(data) - 1)), np.intp)
    codes = pd.factorize(data.groups)[0]
    order = np.random.default_rng(seed).permutation(codes.max() + 1)
    return np.asarray(np.concatenate([np.flatnonzero(codes == code) for code in order])[:count], np.intp)


def _gaps(indices: Indices) -> Indices:
    """Return how many gaps are before each of rising indices."""
    return np.asarray(np.cumsum(np.diff(indices, prepend=indices[0]) > 1), np.intp)


def _require_groups_apart(data: OwnData, parts: Strings) -> None:
    if data.groups is None:
        return
    counts = pd.Series(parts).groupby(data.groups).nunique()
    if torn := counts.index[counts > 1].astype(str).tolist():
        raise ValueError(f"{data.source}: Expected each group in one part. Received in several: {some(torn)}")
