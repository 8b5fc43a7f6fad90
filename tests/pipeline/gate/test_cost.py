"""Tests of the gate's checks of conversion, size and time, on a small case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converters.convert import Conversion
from device.contract.manifest import read_manifest
from pipeline.gate.cost import budget, conversion
from tests.conftest import MODELS
from tests.support.cases import LIMITS, STREAMS, lines, small_case

FILE = (MODELS / "conv1d" / "model.int8.tflite").read_bytes()
SAME = Conversion(float_tflite=FILE, int8_tflite=FILE, graphs={}, facts=STREAMS)
AVAILABLE: dict[str, Any] = {"calibration_digests": ("a",), "known_crops": {"a": None}}
UNAVAILABLE = "the recorded calibration images are not in the data loaded"


def test_the_same_bytes_pass() -> None:
    """A conversion that gives the file again passes."""
    case = small_case(conversion=SAME, **AVAILABLE)
    assert lines(list(conversion(case))) == [("conversion reproducible", "same bytes", "same bytes")]


def test_other_bytes_are_refused_with_the_versions_that_changed() -> None:
    """Other bytes are refused, with their number and the packages whose versions differ."""
    manifest = replace(read_manifest(MODELS / "conv1d"), packages={"numpy": "0.1"})
    case = small_case(manifest=manifest, conversion=replace(SAME, int8_tflite=bytes(1_000)), **AVAILABLE)
    ((name, verdict, reason),) = lines(list(conversion(case)))
    assert (name, verdict) == ("conversion reproducible", "refused")
    expected = "the float network and the recorded calibration images give another file, of 1,000 bytes; numpy 0.1 then"
    assert reason.startswith(expected)


def test_without_the_calibration_images_nothing_is_converted() -> None:
    """Without the recorded images neither the conversion nor the time is judged; the size is."""
    case = small_case(calibration_digests=("a",), known_crops={})
    assert lines(list(conversion(case))) == [("conversion reproducible", "not judged", UNAVAILABLE)]
    assert lines(list(budget(case))) == [
        ("file size", f"{len(FILE):,} bytes", "≤ 200,000 bytes"),
        ("time, int8 / float", "not judged", UNAVAILABLE),
    ]


def test_a_large_or_slow_file_is_refused() -> None:
    """A file above the size is refused, and one that takes longer than its limit in every window."""
    limits = replace(LIMITS, file_bytes_max=len(FILE) - 1, time_ratio_max=0.001)
    size, time = lines(list(budget(small_case(limits, conversion=SAME, **AVAILABLE))))
    assert size == ("file size", "refused", f"{len(FILE):,} bytes is not ≤ {len(FILE) - 1:,} bytes")
    assert time[:2] == ("time, int8 / float", "refused")
    assert time[2].endswith(" windows is not ≤ 0.00")


def test_the_time_of_a_file_over_itself_is_about_one() -> None:
    """The time is relative: a file against itself takes about as long."""
    time = list(budget(small_case(conversion=SAME, **AVAILABLE)))[1]
    assert time.value is not None
    assert 0.5 < time.value <= 1.1
