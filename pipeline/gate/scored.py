"""Checks how near int8 is to the float network where the answer is not one class for each input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from device.manifest import Accuracy, Fidelity
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, at_least, at_most
from pipeline.gate.scoring import compare, fidelity, has_targets


def scored(case: Case) -> Iterator[Check | Note]:
    """Yields the accuracy of choices, the errors of values, and the signal in each output."""
    if (measured := accuracy_found(case)) is not None:
        yield from _chosen(case, measured, "", case.limits.int8_accuracy_percent_min)
    yield from scored_others(case)


def scored_others(case: Case) -> Iterator[Check | Note]:
    """Yields how near each output is to float, and the accuracy of those beside the answer that the data label.

    Of these the drop and the agreement are limited; the least accuracy is the answer's.
    """
    limits = case.limits
    for output in case.manifest.outputs[1:]:
        found = accuracy_of(case, output.name)
        if found is not None:
            yield from _chosen(case, found, f", {output.name}", None)
    for each in fidelities(case):
        name = f"signal to noise, {each.output}"
        yield at_least(name, each.signal_to_noise_db, limits.signal_to_noise_db_min, " dB")
        if each.float_mean_error is not None and each.int8_mean_error is not None:
            ratio = each.int8_mean_error / max(each.float_mean_error, float(np.finfo(np.float32).tiny))
            text = f"{ratio:.3f}: {each.int8_mean_error:.4g} to {each.float_mean_error:.4g}"
            yield at_most(f"mean error, int8 to float, {each.output}", ratio, limits.error_ratio_max, measured=text)


def _chosen(case: Case, found: Accuracy, of: str, minimum: float | None) -> Iterator[Check | Note]:
    limits = case.limits
    yield Note(f"float accuracy{of}", f"{100 * found.float_accuracy:.2f} %")
    if of:
        yield Note(f"int8 accuracy{of}", f"{100 * found.int8_accuracy:.2f} %")
    else:
        yield at_least("int8 accuracy", 100 * found.int8_accuracy, minimum, " %")
    yield at_most(f"accuracy drop{of}", found.accuracy_drop_pp, limits.accuracy_drop_pp_max, " pp")
    yield at_least(f"agreement with float{of}", 100 * found.agreement, limits.agreement_percent_min, " %")


def accuracy_found(case: Case) -> Accuracy | None:
    """Returns the accuracy of both networks' answers; None where the data do not say what is right for each."""
    return accuracy_of(case, case.manifest.output.name)


def accuracy_of(case: Case, name: str) -> Accuracy | None:
    """Returns the same of any output."""
    (contract,) = (each for each in case.manifest.outputs if each.name == name)
    (output,) = (each for each in case.outputs if each.name == name)
    labels, real = case.splits.labels_of(name, case.manifest.output.name), case.float_outputs[name]
    if labels is None or contract.kind == "values" or not has_targets(contract.kind, real, labels.targets):
        return None
    return compare(contract.kind, real, case.int8_output(output), labels.targets, case.splits.test_source)


def fidelities(case: Case) -> tuple[Fidelity, ...]:
    """Returns how near each output of int8 is to float."""
    kinds = {output.name: output.kind for output in case.manifest.outputs}
    known = {
        name: case.splits.labels_of(name, case.outputs[0].name) for name, kind in kinds.items() if kind == "values"
    }
    return tuple(
        fidelity(
            output.name,
            case.float_outputs[output.name],
            case.int8_output(output),
            None if (labels := known.get(output.name)) is None else labels.targets,
        )
        for output in case.outputs
    )
