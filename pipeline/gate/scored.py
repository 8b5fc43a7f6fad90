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
    limits, measured = case.limits, accuracy_found(case)
    if measured is not None:
        yield Note("float accuracy", f"{100 * measured.float_accuracy:.2f} %")
        yield at_least("int8 accuracy", 100 * measured.int8_accuracy, limits.int8_accuracy_percent_min, " %")
        yield at_most("accuracy drop", measured.accuracy_drop_pp, limits.accuracy_drop_pp_max, " pp")
        yield at_least("agreement with float", 100 * measured.agreement, limits.agreement_percent_min, " %")
    for each in fidelities(case):
        name = f"signal to noise, {each.output}"
        yield at_least(name, each.signal_to_noise_db, limits.signal_to_noise_db_min, " dB")
        if each.float_mean_error is not None and each.int8_mean_error is not None:
            ratio = each.int8_mean_error / max(each.float_mean_error, float(np.finfo(np.float32).tiny))
            text = f"{ratio:.3f}: {each.int8_mean_error:.4g} to {each.float_mean_error:.4g}"
            yield at_most(f"mean error, int8 to float, {each.output}", ratio, limits.error_ratio_max, measured=text)


def accuracy_found(case: Case) -> Accuracy | None:
    """Returns the accuracy of both networks; None where the data do not say what is right for each answer."""
    kind, test = case.manifest.output.kind, case.splits.test
    if kind == "values" or not has_targets(kind, case.float_logits, test.labels):
        return None
    return compare(kind, case.float_logits, case.int8_output(case.outputs[0]), test.labels, case.splits.test_source)


def fidelities(case: Case) -> tuple[Fidelity, ...]:
    """Returns how near each output of int8 is to float."""
    answer, labels = case.outputs[0].name, case.splits.test.labels
    kinds = {output.name: output.kind for output in case.manifest.outputs}
    return tuple(
        fidelity(
            output.name,
            case.float_outputs[output.name],
            case.int8_output(output),
            labels if output.name == answer and kinds[answer] == "values" else None,
        )
        for output in case.outputs
    )
