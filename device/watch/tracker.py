"""Tracks digits over frames and confirms each once, when it has been seen in enough consecutive frames.

Source: detections are matched to the previous frame by intersection over union alone, as in Bochinski, Eiselein,
Sikora, High-speed tracking-by-detection without using image information, 2017; here the labels must be equal too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..vision.boxes import Box, iou

Detection = tuple[str | None, Box | None]

# Neighbouring digits hardly overlap; with a hand-held camera a digit moves by less than half its width.
_MIN_IOU = 0.3


@dataclass
class _Track:
    label: str
    box: Box
    seen: int = 1
    missed: int = 0
    confirmed: bool = False


class Tracker:
    """The tracks of the digits in view.

    A digit is confirmed when it has been seen in `frames` consecutive frames, and again only after it has been away for
    as many. Before it is confirmed, one frame without it resets its count.
    """

    def __init__(self, frames: int) -> None:
        """Raises ValueError for fewer frames than one."""
        if frames < 1:
            raise ValueError(f"Expected frames >= 1. Received: {frames}")
        self._frames = frames
        self._tracks: list[_Track] = []

    def update(self, detections: Sequence[Detection]) -> tuple[int, ...]:
        """Returns the indices of those detections of the next frame that are confirmed by it.

        A detection without a label or a box is never confirmed.
        """
        unmatched, matched, confirmed = self._tracks, [], []
        for index, (label, box) in enumerate(detections):
            if label is None or box is None:
                continue
            track = self._matching(unmatched, label, box)
            if track is None:
                track = _Track(label, box)
            else:
                unmatched = [other for other in unmatched if other is not track]
                track.box, track.seen, track.missed = box, track.seen + 1, 0
            if track.seen >= self._frames and not track.confirmed:
                track.confirmed = True
                confirmed.append(index)
            matched.append(track)
        for track in unmatched:
            track.missed += 1
        self._tracks = matched + [track for track in unmatched if track.confirmed and track.missed < self._frames]
        return tuple(confirmed)

    def _matching(self, tracks: Sequence[_Track], label: str, box: Box) -> _Track | None:
        same_label = [track for track in tracks if track.label == label]
        nearest = max(same_label, key=lambda track: iou(track.box, box), default=None)
        return nearest if nearest is not None and iou(nearest.box, box) >= _MIN_IOU else None
