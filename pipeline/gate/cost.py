"""Checks that the conversion can be repeated, and that the file is small and fast enough."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converters.packages import package_versions
from pipeline.bench.timing import time_ratios
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_most, not_judged, passed, refused

_UNAVAILABLE = "the recorded calibration images are not in the data loaded"


def conversion(case: Case) -> Iterator[Check]:
    """Yields whether the float network and the recorded calibration images give the same file again."""
    name = "conversion reproducible"
    if not case.can_convert:
        yield not_judged(name, _UNAVAILABLE)
        return
    again, packages = case.conversion.int8_tflite, case.manifest.packages
    if again == case.content:
        yield passed(name, "same bytes", "same bytes")
        return
    reason = f"the float network and the recorded calibration images give another file, of {len(again):,} bytes"
    now = package_versions()
    others = [f"{name} {made} then, {now.get(name)} now" for name, made in packages.items() if made != now.get(name)]
    yield refused(name, "other bytes", "same bytes", "; ".join([reason, *others]))


def budget(case: Case) -> Iterator[Check]:
    """Yields whether the file is small enough, and fast enough against the float reference in the same process."""
    size = len(case.content)
    yield at_most("file size", size, case.limits.file_bytes_max, " bytes")
    if not case.can_convert:
        yield not_judged("time, int8 / float", _UNAVAILABLE)
        return
    ratios = time_ratios(case.content, case.conversion.float_tflite)
    measured = f"{np.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} windows"
    # Other load on the machine slows single windows: a file is too slow only if it is in each of them.
    yield at_most("time, int8 / float", min(ratios), case.limits.time_ratio_max, measured=measured)
