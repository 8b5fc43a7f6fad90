"""What helps whoever was refused: where in the graph int8 loses the signal, which classes lost, on which images.

Not a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.gate.record import Measurements


@dataclass(frozen=True)
class TensorNoise:
    """An activation's signal-to-noise ratio, int8 against float: 10 log10(sum of float² / sum of (float - int8)²).

    `place` counts in the order of the graph: the first that is bad is where to look.
    """

    name: str
    place: int
    snr_db: float


@dataclass(frozen=True)
class ClassRecall:
    """How many of a class' images each model reads right, in percent."""

    label: str
    images: int
    float_recall_percent: float
    int8_recall_percent: float


@dataclass(frozen=True)
class Disagreement:
    """An image to which the two give different answers."""

    image: int
    shown: str
    float_answer: str
    float_probability: float
    int8_answer: str
    int8_probability: float


@dataclass(frozen=True)
class Diagnosis:
    """Tensors with the worst first, classes that lost with the worst first, and the images in the data's order."""

    tensors: tuple[TensorNoise, ...]
    classes: tuple[ClassRecall, ...]
    disagreements: tuple[Disagreement, ...]


def diagnose(measured: Measurements) -> Diagnosis:
    """Returns where int8 differs from float."""
    tensors = (TensorNoise(each.name, each.place, each.snr_db) for each in measured.tensors)
    lost = sorted((each for each in measured.classes if each.change_pp < 0), key=lambda each: each.change_pp)
    return Diagnosis(
        tensors=tuple(sorted(tensors, key=lambda tensor: tensor.snr_db)),
        classes=tuple(
            ClassRecall(each.label, each.images, round(each.float_percent, 2), round(each.int8_percent, 2))
            for each in lost
        ),
        disagreements=tuple(
            Disagreement(
                each.image,
                each.shown,
                each.float_answer,
                each.float_probability,
                each.int8_answer,
                each.int8_probability,
            )
            for each in measured.disagreements
        ),
    )
