"""Reads the limits of the gate: a TOML file with `[default]` for every model, and `[models.NAME]` over it for one.

Models with a recipe have `[own]` over `[default]`, and then the limits of their recipe.

A model for which a limit is missing does not pass. A limit that no model can miss is named in the verdict.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from device.files.sha256 import sha256_hex
from device.files.toml_tables import loads

# By how a limit's name ends: from this value on it refuses nothing. A flatbuffer has fewer than 2 GiB.
_REFUSES_NOTHING: Mapping[str, float] = MappingProxyType(
    {
        "images_min": 1,
        "db_min": -99,
        "percent_min": 0,
        "percent_max": 100,
        "pp_max": 100,
        "bytes_max": 2**31,
        "ratio_max": 1_000,
    }
)


class LimitsError(ValueError):
    """A limits file cannot be read; the message names the entry."""


@dataclass(frozen=True)
class Limits:
    """The limits of the checks; None where the file sets none.

    Units are in the names; `pp` are percentage points. `time_ratio` is int8's time over the float reference's.
    """

    runtimes: tuple[str, ...] | None = None
    images_min: float | None = None
    int8_accuracy_percent_min: float | None = None
    accuracy_drop_pp_max: float | None = None
    accuracy_drop_upper_pp_max: float | None = None
    early_exit_drop_pp_max: float | None = None
    agreement_percent_min: float | None = None
    signal_to_noise_db_min: float | None = None
    error_ratio_max: float | None = None
    recall_drop_pp_max: float | None = None
    calibration_error_pp_max: float | None = None
    confidence_drift_pp_max: float | None = None
    temperature_deviation_percent_max: float | None = None
    digits_kept_percent_min: float | None = None
    negatives_accepted_percent_max: float | None = None
    early_exit_negatives_percent_max: float | None = None
    corrupted_accuracy_percent_min: float | None = None
    corrupted_drop_pp_max: float | None = None
    manifest_deviation_pp_max: float | None = None
    arena_bytes_max: float | None = None
    file_bytes_max: float | None = None
    time_ratio_max: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and field.name != "runtimes" and not _is_finite(value):
                raise LimitsError(f"{field.name}: Expected a finite number. Received: {value!r}")
        names = self.runtimes
        is_list = isinstance(names, tuple) and all(isinstance(name, str) for name in names)
        if names is not None and not (is_list and names):
            raise LimitsError(f"runtimes: Expected names of runtimes. Received: {names!r}")

    @property
    def sha256(self) -> str:
        """The SHA-256 of the limits: who judges by others comes to another verdict."""
        return sha256_hex(json.dumps(asdict(self)).encode())

    def missing(self) -> tuple[str, ...]:
        """Returns the names of the limits that are not set."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)

    def refusing_nothing(self) -> tuple[str, ...]:
        """Returns the limits that any model keeps, with their values."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return tuple(
            f"{name} = {value:g}" for name, value in given if value is not None and _is_kept_by_all(name, value)
        )


def read_limits(path: Path, model: str, own: Mapping[str, Any] | None = None) -> Limits:
    """Returns the limits of a model by its name; raises LimitsError for invalid files.

    `own` are those of an own model's recipe: they count over `[own]`, which counts over `[default]`.
    """
    try:
        written = loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise LimitsError(f"{path}: Expected TOML. {error}") from error
    # [instructions.MACHINE.NAME] is read by `make test-pi`.
    if not written.keys() <= {"default", "own", "models", "instructions"}:
        raise LimitsError(f"{path}: Expected the tables [default] and [models.NAME]. Received: {sorted(written)}")
    try:
        default = _entries(written.get("default", {}), "default")
        tables = _table(written.get("models", {}), "models").items()
        # All tables are read, so that a mistake in another model's table is found now.
        entries = {name: _entries(table, f"models.{name}") for name, table in tables}
        if own is not None:
            default |= _entries(written.get("own", {}), "own") | _entries(dict(own), "recipe")
        return Limits(**{**default, **entries.get(model, {})})
    except LimitsError as error:
        raise LimitsError(f"{path}: {error}") from error


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LimitsError(f"{where}: Expected a table. Received: {value!r}")
    return value


def _entries(value: object, where: str) -> dict[str, Any]:
    """Returns a table's entries, each checked by itself."""
    table = _table(value, where)
    known = {field.name for field in fields(Limits)}
    if not table.keys() <= known:
        raise LimitsError(f"{where}: Expected limits among {sorted(known)}. Received: {sorted(table.keys() - known)}")
    entries: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in table.items()}
    try:
        Limits(**entries)
    except LimitsError as error:
        raise LimitsError(f"{where}.{error}") from error
    return entries


def _is_kept_by_all(name: str, value: float) -> bool:
    bound = next((bound for ending, bound in _REFUSES_NOTHING.items() if name.endswith(ending)), None)
    return bound is not None and (value <= bound if name.endswith("_min") else value >= bound)


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
