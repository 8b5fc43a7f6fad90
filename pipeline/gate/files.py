"""Checks that a model folder's files belong together, and that no test image had a part in making them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from device.files.sha256 import sha256_hex
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_least, not_judged, passed, refused, without_violations


def files(case: Case) -> Iterator[Check]:
    """Yields whether the file, golden crops, float weights and calibration record are those of the manifest."""
    expected, received = case.manifest.file.bytes, len(case.content)
    if received == expected:
        yield passed("file size in manifest", f"{received:,} bytes", f"{expected:,} bytes")
        yield _same_hash("file SHA-256", case.folder.path / case.manifest.file.name, case.manifest.file.sha256)
    else:
        reason = f"the manifest says {expected:,} bytes, the file has {received:,}"
        yield refused("file size in manifest", f"{received:,} bytes", f"{expected:,} bytes", reason)
        yield not_judged("file SHA-256", "the file has another size")
    yield _same_hash("golden crops SHA-256", case.folder.golden, case.manifest.golden_sha256)
    yield _same_hash("float weights SHA-256", case.folder.float_model, case.manifest.weights_sha256)
    yield _same_hash("calibration SHA-256", case.folder.calibration, case.manifest.calibration.digests_sha256)


def images(case: Case) -> Iterator[Check]:
    """Yields whether there are enough test images of every class, none of which calibrated the file."""
    test = case.splits.test
    yield at_least("test images", len(test), case.limits.images_min, measured=f"{len(test):,}")
    if case.splits.task in ("classes", "steps"):
        count = np.bincount(test.labels.ravel(), minlength=len(case.splits.names))
        missing = tuple(
            f"no image of {name}" for name, images in zip(case.splits.names, count, strict=True) if not images
        )
        yield without_violations("test images of every class", missing, "1 or more each")
    recorded = case.calibration_digests
    shared = len(case.test_digests.intersection(recorded))
    yield _none_of("calibration images in test set", shared, len(recorded), "are test images")
    source = case.manifest.calibration.source
    if not case.has_its_data:
        reason = f"the file was calibrated on {source}; the data loaded are {case.splits.source}"
        yield not_judged("calibration images not in the data", reason)
    else:
        unknown = sum(digest not in case.known_crops and digest not in case.test_digests for digest in recorded)
        yield _none_of("calibration images not in the data", unknown, len(recorded), f"are not among the {source}")


def _same_hash(name: str, path: Path, expected: str) -> Check:
    received = sha256_hex(path.read_bytes())
    if received == expected:
        return passed(name, received[:12], expected[:12])
    return refused(name, received[:12], expected[:12], f"{path.name} is not the file that the manifest describes")


def _none_of(name: str, found: int, whole: int, what: str) -> Check:
    measured, limit = f"{found:,} of {whole:,}", f"0 of {max(whole, 1):,}"
    if found or not whole:
        return refused(name, measured, limit, f"{measured} calibration images {what}")
    return passed(name, measured, limit)
