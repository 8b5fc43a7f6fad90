"""Checks what is left of a digit model's accuracy on corrupted crops, and that int8 keeps what float has of it.

Source: Mu, Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, 2019; see `pipeline.bench.mnist_c`.
"""

from __future__ import annotations

from collections.abc import Iterator

from device.runner import Runner
from pipeline.bench.robustness import float_reader, int8_reader, measure_robustness
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, at_least, at_most
from pipeline.variants import LABELS

_IMAGES = 1_000


def corruption(case: Case) -> Iterator[Check | Note]:
    """Yields int8's mean accuracy over all kinds of corruption, answered or not, and its distance from float."""
    if case.splits.names != LABELS:
        yield Note("int8 accuracy, corrupted", "the corruptions are those of digits")
        return
    with Runner(case.folder.path) as runner:
        readers = {"float": float_reader(case.network), "int8": int8_reader(runner)}
        measured = measure_robustness(readers, case.splits.test.spread(_IMAGES))
    real, int8 = measured.mean_percent("float"), measured.mean_percent("int8")
    yield Note("float accuracy, corrupted", f"{real:.2f} %")
    yield at_least("int8 accuracy, corrupted", int8, case.limits.corrupted_accuracy_percent_min, " %")
    yield at_most("accuracy drop, corrupted", real - int8, case.limits.corrupted_drop_pp_max, " pp")
