"""Tests of the gate's checks of files and images, on a small case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from device.contract.manifest import read_manifest
from pipeline.data.splits import digests
from pipeline.gate.files import files, images
from tests.conftest import MODELS
from tests.support.cases import LIMITS, lines, small_case

MANIFEST = read_manifest(MODELS / "conv1d")
CASE = small_case()


def test_the_released_files_are_those_of_the_manifest() -> None:
    """The size and the three SHA-256 of a release pass, shown by their first twelve digits."""
    size = f"{MANIFEST.file.bytes:,} bytes"
    assert lines(list(files(small_case()))) == [
        ("file size in manifest", size, size),
        ("file SHA-256", MANIFEST.file.sha256[:12], MANIFEST.file.sha256[:12]),
        ("golden crops SHA-256", *[MANIFEST.golden_sha256[:12]] * 2),
        ("float weights SHA-256", MANIFEST.weights_sha256[:12], MANIFEST.weights_sha256[:12]),
        ("calibration SHA-256", *[MANIFEST.calibration.digests_sha256[:12]] * 2),
    ]


def test_a_file_of_another_size_is_not_hashed() -> None:
    """A file that is a byte short is refused for its size, and its SHA-256 is not judged."""
    case = small_case(content=bytes(MANIFEST.file.bytes - 1))
    reason = f"the manifest says {MANIFEST.file.bytes:,} bytes, the file has {MANIFEST.file.bytes - 1:,}"
    assert lines(list(files(case)))[:2] == [
        ("file size in manifest", "refused", reason),
        ("file SHA-256", "not judged", "the file has another size"),
    ]


def test_another_hash_is_refused() -> None:
    """Weights with another SHA-256 than in the manifest are refused by name."""
    case = small_case(manifest=replace(MANIFEST, weights_sha256="0" * 64))
    reason = "float.weights.h5 is not the file that the manifest describes"
    assert lines(list(files(case)))[3] == ("float weights SHA-256", "refused", reason)


def known(**given: Any) -> list[tuple[str, ...]]:
    """The checks of images for a model calibrated on the data loaded."""
    source = CASE.splits.calibration.source
    manifest = replace(MANIFEST, calibration=replace(MANIFEST.calibration, source=source))
    return lines(list(images(small_case(**{"manifest": manifest, **given}))))


def test_enough_images_of_every_class_pass() -> None:
    """Twenty images of ten classes pass, calibrated on two others of the data."""
    recorded = digests(CASE.splits.calibration.crops[:2])
    assert known(calibration_digests=recorded) == [
        ("test images", "20", "≥ 20.00"),
        ("test images of every class", "ok", "1 or more each"),
        ("calibration images in test set", "0 of 2", "0 of 2"),
        ("calibration images not in the data", "0 of 2", "0 of 2"),
    ]


def test_few_images_without_a_class_are_refused() -> None:
    """Eighteen images, none of them a nine, are too few and lack a class."""
    few = replace(CASE.splits, test=CASE.splits.test[np.flatnonzero(CASE.splits.test.labels != 9)])
    assert known(splits=few, calibration_digests=("a",))[:2] == [
        ("test images", "refused", "18 is not ≥ 20.00"),
        ("test images of every class", "refused", "no image of 9"),
    ]


def test_a_test_image_among_the_calibration_images_is_refused() -> None:
    """A calibration image in the test set is refused; it counts as known."""
    recorded = (*digests(CASE.splits.calibration.crops[:1]), *digests(CASE.splits.test.crops[:1]))
    assert known(calibration_digests=recorded)[2:] == [
        ("calibration images in test set", "refused", "1 of 2 calibration images are test images"),
        ("calibration images not in the data", "0 of 2", "0 of 2"),
    ]


def test_an_unknown_calibration_image_is_refused() -> None:
    """A calibration image that is not in the data is refused."""
    reason = f"1 of 1 calibration images are not among the {CASE.splits.calibration.source}"
    assert known(calibration_digests=("f" * 64,))[3] == ("calibration images not in the data", "refused", reason)


def test_an_empty_record_is_refused() -> None:
    """A record without images is refused: it proves nothing."""
    assert [line[1] for line in known(calibration_digests=())[2:]] == ["refused", "refused"]


def test_the_calibration_on_other_data_is_not_judged() -> None:
    """Where the data loaded are others than those of the calibration, its images are not judged."""
    manifest = replace(MANIFEST, calibration=replace(MANIFEST.calibration, source="others"))
    name, verdict, reason = known(manifest=manifest, calibration_digests=("a",))[3]
    assert (name, verdict) == ("calibration images not in the data", "not judged")
    assert reason == f"the file was calibrated on others; the data loaded are {CASE.splits.source}"


def test_images_may_be_limited_by_another_number() -> None:
    """The limit of test images is the file's."""
    case = small_case(replace(LIMITS, images_min=21), calibration_digests=("a",))
    assert lines(list(images(case)))[0] == ("test images", "refused", "20 is not ≥ 21.00")
