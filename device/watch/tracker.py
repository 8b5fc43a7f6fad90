"""Digits that stay: which of the digits read in a frame have now been seen in enough frames in a row, each told once.

Not tracking of motion: a digit is the same one as in the frame before if it reads the same at about the same place.

Source: the overlap of boxes is intersection over union, as in Everingham et al., The PASCAL Visual Object Classes
Challenge, 2010, section 4.2; matching detections to the frame before by it alone is the tracker of Bochinski,
Eiselein, Sikora, High-speed tracking-by-detection without using image information, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..vision.boxes import Box, iou

Place = tuple[str | None, Box | None]

# Neighbouring digits hardly overlap; one in a hand-held camera's picture moves by less than half its width.
_MIN_OVERLAP = 0.3


@dataclass
class _Track:
    label: str
    box: Box
    seen: int = 1
    missed: int = 0
    told: bool = False


class Tracker:
    """The digits in view.

    A digit is told when it has been seen in so many frames in a row, and not again until it has been away for as
    many. While it waits to be told, one frame without it starts the count anew.
    """

    def __init__(self, frames: int, min_overlap: float = _MIN_OVERLAP) -> None:
        if frames < 1 or not 0 < min_overlap <= 1:
            raise ValueError(
                f"Expected at least 1 frame, and an overlap above 0 and up to 1. Received: {frames}, {min_overlap}"
            )
        self._frames = frames
        self._min_overlap = min_overlap
        self._in_view: list[_Track] = []

    def new(self, places: Sequence[Place]) -> tuple[int, ...]:
        """Takes the labels and boxes read in the next frame; returns the indices of those to be told now.

        A place without a label or a box is no digit, and is never told.
        """
        unmatched, matched, told = self._in_view, [], []
        for index, (label, box) in enumerate(places):
            if label is None or box is None:
                continue
            track = self._matching(unmatched, label, box)
            if track is None:
                track = _Track(label, box)
            else:
                unmatched = [other for other in unmatched if other is not track]
                track.box, track.seen, track.missed = box, track.seen + 1, 0
            if track.seen >= self._frames and not track.told:
                track.told = True
                told.append(index)
            matched.append(track)
        self._in_view = matched + self._still_remembered(unmatched)
        return tuple(told)

    def _matching(self, tracks: Sequence[_Track], label: str, box: Box) -> _Track | None:
        alike = [track for track in tracks if track.label == label]
        nearest = max(alike, key=lambda track: iou(track.box, box), default=None)
        return nearest if nearest is not None and iou(nearest.box, box) >= self._min_overlap else None

    def _still_remembered(self, tracks: Sequence[_Track]) -> list[_Track]:
        for track in tracks:
            track.missed += 1
        return [track for track in tracks if track.told and track.missed < self._frames]
