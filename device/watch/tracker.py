"""Digits that stay: which of the digits read in a frame have now been seen in enough frames in a row, each told once.

Not tracking of motion: a digit is the same one as in the frame before if it reads the same at about the same place.

Source: the overlap of boxes is intersection over union, as in Everingham et al., The PASCAL Visual Object Classes
Challenge, 2010, section 4.2; matching detections to the frame before by it alone is the tracker of Bochinski,
Eiselein, Sikora, High-speed tracking-by-detection without using image information, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..vision.boxes import Box, overlap

Place = tuple[str | None, Box | None]

# Neighbouring digits hardly overlap; one in a hand-held camera's picture moves by less than half its width.
_LEAST_OVERLAP = 0.3


@dataclass
class _Appearance:
    label: str
    box: Box
    seen: int = 1
    missed: int = 0
    told: bool = False


class Appearances:
    """The digits in view.

    A digit is told when it has been seen in so many frames in a row, and not again until it has been away for as
    many. While it waits to be told, one frame without it starts the count anew.
    """

    def __init__(self, frames: int, least_overlap: float = _LEAST_OVERLAP) -> None:
        if frames < 1 or not 0 < least_overlap <= 1:
            raise ValueError(
                f"Expected at least 1 frame, and an overlap above 0 and up to 1. Received: {frames}, {least_overlap}"
            )
        self._frames = frames
        self._least_overlap = least_overlap
        self._in_view: list[_Appearance] = []

    def new(self, places: Sequence[Place]) -> tuple[int, ...]:
        """Takes the labels and boxes read in the next frame; returns the indices of those to be told now.

        A place without a label or a box is no digit, and is never told.
        """
        unmatched, matched, told = self._in_view, [], []
        for index, (label, box) in enumerate(places):
            if label is None or box is None:
                continue
            appearance = self._matching(unmatched, label, box)
            if appearance is None:
                appearance = _Appearance(label, box)
            else:
                unmatched = [other for other in unmatched if other is not appearance]
                appearance.box, appearance.seen, appearance.missed = box, appearance.seen + 1, 0
            if appearance.seen >= self._frames and not appearance.told:
                appearance.told = True
                told.append(index)
            matched.append(appearance)
        self._in_view = matched + self._still_remembered(unmatched)
        return tuple(told)

    def _matching(self, appearances: Sequence[_Appearance], label: str, box: Box) -> _Appearance | None:
        alike = [appearance for appearance in appearances if appearance.label == label]
        nearest = max(alike, key=lambda appearance: overlap(appearance.box, box), default=None)
        return nearest if nearest is not None and overlap(nearest.box, box) >= self._least_overlap else None

    def _still_remembered(self, appearances: Sequence[_Appearance]) -> list[_Appearance]:
        for appearance in appearances:
            appearance.missed += 1
        return [appearance for appearance in appearances if appearance.told and appearance.missed < self._frames]
