"""A number as it was read: its digits, of which some may be unsure, and its value if none is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..arrays import UInt8
from ..contract.predictions import Prediction
from ..vision.boxes import Box

UNSURE = "?"
# One wrong digit makes a number wrong, and it has several: each has to be surer than a digit by itself.
_SURE = 0.95


@dataclass(frozen=True, eq=False)
class Digit:
    """A digit of a number.

    Attributes:
        box: where it is.
        crop: what the model read, `<uint8>[28, 28]`; None where there is no ink.
        prediction: the model's answer; None where there is no ink.
        resolved: of a wheel that stands half-way (`rolling`), the digit that it counts as; None if that is unsure.
        half_way: whether it is such a wheel.
    """

    box: Box
    crop: UInt8 | None = None
    prediction: Prediction | None = None
    resolved: str | None = None
    half_way: bool = False

    @property
    def label(self) -> str | None:
        """The digit; None if it is unsure."""
        if self.half_way or self.prediction is None:
            return self.resolved
        return self.prediction.label if self.prediction.probability >= _SURE else None

    @property
    def probability(self) -> float:
        """That of the most probable digit, 0..1; 0 where there is no ink."""
        return 0.0 if self.prediction is None else self.prediction.probability

    def as_json(self) -> dict[str, Any]:
        """Returns what a line of JSON holds of it."""
        prediction, box = self.prediction, self.box
        return {
            "label": self.label,
            "index": None if prediction is None else prediction.index,
            "probability": self.probability,
            "top": [] if prediction is None else prediction.top,
            "half_way": self.half_way,
            "box": [box.x, box.y, box.width, box.height],
        }


@dataclass(frozen=True, eq=False)
class Number:
    """Digits on one line, from left to right."""

    digits: tuple[Digit, ...]
    decimal_places: int = 0

    @property
    def text(self) -> str:
        """The digits, with the decimal point, and `?` for each unsure one."""
        text = "".join(digit.label or UNSURE for digit in self.digits)
        places = self.decimal_places
        # Too few digits show that one was not found, so the point's place is not known.
        return f"{text[:-places]}.{text[-places:]}" if 0 < places < len(text) else text

    @property
    def value(self) -> float | None:
        """The number; None if a digit is unsure, or there are none, or none before the decimal point."""
        text = self.text
        if UNSURE in text or len(self.digits) <= self.decimal_places:
            return None
        return float(text) if self.decimal_places else int(text)

    @property
    def merit(self) -> tuple[int, float]:
        """How many digits are sure, and the sum of their probabilities: the greater of two readings is the better."""
        sure = [digit.probability for digit in self.digits if digit.label is not None]
        return len(sure), sum(sure)


def around(boxes: Sequence[Box]) -> Box:
    """Returns the box around boxes, of which there is at least one."""
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    return Box(left, top, right - left, bottom - top)
