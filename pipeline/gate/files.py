"""Whether the files in a model's folder belong together, and to images that chose nothing of what is judged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_least, held, not_judged, passed, refused


def files(case: Case) -> Iterator[Check]:
    """Yields whether the file, the float weights and the calibration's record are those of the manifest."""
    expected, received = case.manifest.file.bytes, len(case.content)
    if received == expected:
        yield passed("file bytes", f"{received:,}", f"{expected:,}")
        yield _same_hash("file hash", case.folder.path / case.manifest.file.name, case.manifest.file.sha256)
    else:
        yield refused("file bytes", f"{received:,}", f"{expected:,}", "the file is not as long as its manifest says")
        yield not_judged("file hash", "its bytes are not all there, or too many")
    yield _same_hash("weights hash", case.folder.float_model, case.manifest.weights_sha256)
    yield _same_hash("calibration hash", case.folder.calibration, case.manifest.calibration.digests_sha256)


def images(case: Case) -> Iterator[Check]:
    """Yields whether there are images enough of every class, and none of them calibrated the file."""
    test = case.splits.test
    yield at_least("images", len(test), case.limits.images_min, measured=f"{len(test):,}")
    count = np.bincount(test.labels, minlength=len(case.splits.names))
    missing = tuple(f"none shows {name}" for name, images in zip(case.splits.names, count, strict=True) if not images)
    yield held("classes", missing, "an image of each")
    recorded = case.calibration_digests
    shared = len(case.test_digests.intersection(recorded))
    yield _none_of("calibration apart", shared, len(recorded), "are among the images judged")
    source = case.manifest.calibration.source
    if not case.has_its_data:
        yield not_judged("calibration known", f"the file was calibrated on {source}; at hand are {case.splits.source}")
    else:
        unknown = sum(digest not in case.known_crops and digest not in case.test_digests for digest in recorded)
        yield _none_of("calibration known", unknown, len(recorded), f"are not among the {source}")


def _same_hash(name: str, path: Path, expected: str) -> Check:
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received == expected:
        return passed(name, received[:12], expected[:12])
    return refused(name, received[:12], expected[:12], f"{path.name} is not the one of which the manifest speaks")


def _none_of(name: str, found: int, whole: int, what: str) -> Check:
    measured, limit = f"{found:,} of {whole:,}", f"0 of {max(whole, 1):,}"
    if found or not whole:
        return refused(name, measured, limit, f"{measured} calibration images {what}")
    return passed(name, measured, limit)
