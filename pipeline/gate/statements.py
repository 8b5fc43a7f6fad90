"""Checks that what the manifest states is so: everything in it that does not decide an answer is found out again.

What decides answers (tensors, labels, temperature, threshold, early exit) the other checks judge by its effect.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from converters.packages import package_versions
from converters.tflite.graph import operator_versions
from device.arrays import Float64
from device.manifest import Accuracy, EarlyExit, Rejection
from pipeline.data.splits import calibration_record
from pipeline.folders import ModelFolder
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_most, not_judged, without_violations
from pipeline.gate.early_exit import no_exit_is_sure, step_answers
from pipeline.gate.scored import accuracy_found, fidelities

_UNAVAILABLE = "the recorded calibration images are not in the data loaded"
_FOUND = "as found"
# The recipe of a training fills a screen.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
# How many percentage points a unit of each figure is.
_PP: Mapping[str, float] = {
    "float_accuracy": 100,
    "int8_accuracy": 100,
    "accuracy_drop_pp": 1,
    "agreement": 100,
    "accuracy_after_step": 100,
    "digits_kept": 100,
    "negatives_accepted": 100,
}
Figures = Accuracy | EarlyExit | Rejection | None


def statements(case: Case) -> Iterator[Check]:
    """Yields whether the manifest's account of the file, its making and its accuracy is what the gate finds."""
    yield _same("operators", dict(case.manifest.operators), dict(operator_versions(case.graphs)))
    yield _same("configuration", dict(case.manifest.configuration), configuration(case.folder))
    yield from _made(case)
    yield from _evaluated(case)


def configuration(folder: ModelFolder) -> dict[str, Any]:
    """Returns how the file was made, for the manifest of a model in this folder."""
    training = json.loads(folder.training.read_text()) if folder.training.is_file() else "not recorded"
    quantisation = "static int8, weights per channel, activations by true minima and maxima"
    return {"quantisation": quantisation, "training": training}


def rejected(threshold: float, digits: Float64, negatives: Float64) -> Rejection:
    """Returns what a threshold does to the probabilities `<float64>[n]` of test digits and of crops without one."""
    return Rejection(
        digits_kept=float((digits >= threshold).mean()),
        negatives=len(negatives),
        negatives_accepted=float((negatives >= threshold).mean()),
    )


def _made(case: Case) -> Iterator[Check]:
    """Yields what only repeating the conversion shows: from which crops, with which packages, and why not by line."""
    stated = case.manifest
    if not case.can_convert:
        for name in ("calibration", "packages", "not streamable"):
            yield not_judged(f"{name} in manifest", _UNAVAILABLE)
        return
    yield _same("calibration", asdict(stated.calibration), asdict(calibration_record(case.splits.calibration)))
    yield _same("packages", dict(stated.packages), package_versions())
    reason = "not_streamable"
    yield _same("not streamable", {reason: stated.not_streamable}, {reason: case.conversion.facts.not_streamable})


def _evaluated(case: Case) -> Iterator[Check]:
    """Yields what the test images and crops without a digit show."""
    stated = case.manifest
    if not case.has_its_data:
        reason = f"it was calibrated on {stated.calibration.source}; the data loaded are {case.splits.source}"
        for name in ("accuracy", "fidelity", "early exit", "rejection"):
            yield not_judged(f"{name} in manifest", reason)
        return
    yield from _figures(case, "accuracy", stated.accuracy, accuracy_found(case))
    yield from _fidelity(case)
    if not case.is_class:
        return
    yield from _figures(case, "early exit", stated.early_exit, _early_exit(case))
    yield from _figures(case, "rejection", stated.rejection, _rejection(case))


def _same(name: str, stated: Mapping[str, Any], found: Mapping[str, Any]) -> Check:
    same = {key for key in stated.keys() & found.keys() if stated[key] == found[key]}
    differing = sorted((stated.keys() | found.keys()) - same)
    texts = (f"{key}: the manifest says {_text(stated, key)}, found {_text(found, key)}" for key in differing)
    return without_violations(f"{name} in manifest", tuple(texts), _FOUND)


def _text(values: Mapping[str, Any], key: str) -> str:
    return _SHORT.repr(values[key]) if key in values else "nothing"


def _figures(case: Case, name: str, stated: Figures, found: Figures) -> Iterator[Check]:
    """Yields whether counts and texts are the same, and no figure is farther from the one found than allowed."""
    given, measured = ({} if each is None else asdict(each) for each in (stated, found))
    # Lines read count as a share of the input.
    units = {**_PP, "mean_lines_read": 100 / case.manifest.lines}
    facts = [{key: value for key, value in each.items() if key not in units} for each in (given, measured)]
    yield _same(name, facts[0], facts[1])
    if given.keys() == measured.keys() and given:
        apart = {key: _apart_pp(given[key], measured[key], unit) for key, unit in units.items() if key in given}
        worst = max(apart, key=apart.__getitem__)
        text = f"{apart[worst]:.2f} pp apart in {worst}"
        limit = case.limits.manifest_deviation_pp_max
        yield at_most(f"{name} figures in manifest", apart[worst], limit, " pp", measured=text)


def _apart_pp(stated: Any, found: Any, unit: float) -> float:
    first, second = np.atleast_1d(stated), np.atleast_1d(found)
    return float(np.abs(first - second).max()) * unit if first.shape == second.shape else float("inf")


def _fidelity(case: Case) -> Iterator[Check]:
    """Yields whether the signal to noise of each output is as stated; a decibel counts as a percentage point."""
    stated, found = (
        {each.output: each.signal_to_noise_db for each in part} for part in (case.manifest.fidelity, fidelities(case))
    )
    if stated.keys() != found.keys():
        yield _same("fidelity", stated, found)
        return
    apart = max(abs(stated[name] - found[name]) for name in stated)
    limit = case.limits.manifest_deviation_pp_max
    yield at_most("fidelity in manifest", apart, limit, " dB", measured=f"{apart:.2f} dB apart")


def _early_exit(case: Case) -> EarlyExit | None:
    """Returns the early exit with its effect; None where no answer is the last, or the only one, or inputs are few."""
    if case.manifest.continuous:
        return None
    answers, stated = step_answers(case), case.manifest.early_exit
    if answers.right.shape[1] == 1 or (stated is None and no_exit_is_sure(case)):
        return None
    return answers.measured(1.0 if stated is None else stated.probability)


def _rejection(case: Case) -> Rejection | None:
    if case.negatives is None:
        return None
    digits = np.array([prediction.probability for prediction in case.predictions])
    return rejected(case.manifest.output.threshold, digits, case.negative_probabilities)
