"""Whether the file can be made again from what it was made of, and costs no more than it may."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converters.packages import package_versions
from pipeline.bench.timing import time_ratios
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_most, not_judged, passed, refused

_NOT_AT_HAND = "the recorded calibration images are not among the data at hand"


def conversion(case: Case) -> Iterator[Check]:
    """Yields whether the float network and the recorded calibration images give the same file again."""
    if not case.can_convert:
        yield not_judged("conversion repeated", _NOT_AT_HAND)
        return
    again, packages = case.conversion.int8_tflite, case.manifest.packages
    if again == case.content:
        yield passed("conversion repeated", "the same bytes", "the same bytes")
        return
    reason = f"the float network and the recorded calibration images give another file, of {len(again):,} bytes"
    now = package_versions()
    others = [f"{name} {made} then, {now.get(name)} now" for name, made in packages.items() if made != now.get(name)]
    yield refused("conversion repeated", "other bytes", "the same bytes", "; ".join([reason, *others]))


def budget(case: Case) -> Iterator[Check]:
    """Yields whether the file is small enough, and fast enough against its float twin in the same process."""
    size = len(case.content)
    yield at_most("bytes", size, case.limits.file_bytes_max, measured=f"{size:,}")
    if not case.can_convert:
        yield not_judged("time, int8 / float", _NOT_AT_HAND)
        return
    ratios = time_ratios(case.content, case.conversion.float_tflite)
    measured = f"{np.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} windows"
    # What else the machine does slows single windows: only what is too slow in each of them is too slow.
    yield at_most("time, int8 / float", min(ratios), case.limits.time_ratio_max, measured=measured)
