"""Tests of the gate's measurements for reports, on a small case."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np

from device.contract.manifest import EarlyExit, read_manifest
from pipeline.data.data_form import DataForm
from pipeline.gate.case import Readings
from pipeline.gate.measure import as_picture, latency, measure, reliability_bins
from pipeline.gate.record import RecallChange, ReliabilityBin
from tests.conftest import MODELS
from tests.support.cases import LABELS, logits, predictions, small_case, with_answers
from tests.support.manifests import with_output

UNMEASURED: dict[str, Any] = {"calibration_digests": ()}


def test_latency_is_a_histogram_up_to_the_99th_percentile() -> None:
    """Of 0.001 to 1 ms in a thousand steps, forty equal bins hold 99 %, and the ten slowest are only counted."""
    measured = latency(np.arange(1, 1_001) / 1_000)
    assert len(measured.counts) == 40
    assert len(measured.edges_ms) == 41
    assert (measured.edges_ms[0], round(measured.edges_ms[-1], 5)) == (0.001, 0.99001)
    assert (sum(measured.counts), measured.slower) == (990, 10)
    assert (measured.median_ms, measured.p99_ms) == (0.5005, 0.99001)


def test_times_are_written_to_the_nanosecond() -> None:
    """Milliseconds have six decimals; edges have one more, so that narrow bins still rise."""
    measured = latency(np.array([0.123456789]))
    assert (measured.median_ms, measured.p99_ms) == (0.123457, 0.123457)
    assert (measured.edges_ms[0], measured.edges_ms[-1]) == (0.1234568, 0.1235568)


def test_equal_times_have_bins_of_some_width() -> None:
    """A clock too coarse to distinguish times still gives rising edges."""
    measured = latency(np.full(5, 2.0))
    assert (measured.edges_ms[0], measured.edges_ms[-1]) == (2.0, 2.0001)
    assert (sum(measured.counts), measured.slower, measured.median_ms, measured.p99_ms) == (5, 0, 2.0, 2.0)


def test_reliability_bins_hold_the_images_by_confidence() -> None:
    """Fifteen bins of equal width; empty ones are left out, and 1 is in the last."""
    bins = list(reliability_bins(np.array([0.0512345678, 0.5, 0.52, 1.0]), np.array([False, True, False, True])))
    assert bins == [
        ReliabilityBin(0.0, 1 / 15, 1, 0.051235, 0),
        ReliabilityBin(7 / 15, 8 / 15, 2, 0.51, 1),
        ReliabilityBin(14 / 15, 1.0, 1, 1.0, 1),
    ]


def test_pictures_of_inputs() -> None:
    """Of a video the middle frame is kept, of many channels the first; a sequence of numbers has no picture."""
    video = np.zeros((5, 4, 3), np.uint8)
    video[2] = 9
    grey = as_picture(video, DataForm("image", (5, 4, 3, 1), (0, 1)))
    assert grey is not None
    assert (grey.shape, grey.min()) == ((4, 3), 9)
    first = as_picture(np.zeros((4, 3, 7), np.uint8), DataForm("image", (4, 3, 7), (0, 1)))
    assert first is not None
    assert first.shape == (4, 3)
    assert as_picture(np.zeros((20, 2), np.float32), DataForm("sequence", (20, 2), None)) is None


def test_a_case_is_measured() -> None:
    """Of twenty images int8 answers 3 for one zero and 4 for one of float's mistakes."""
    manifest = with_output(read_manifest(MODELS / "conv1d"), temperature=2.0)
    float_answers = list(LABELS)
    float_answers[11] = 7
    int8_answers = list(with_answers(1, 3))
    int8_answers[11] = 4
    case = small_case(
        manifest=manifest,
        float_logits=logits(float_answers),
        predictions=(*predictions(int8_answers[:11], 0.9), *predictions(int8_answers[11:], 0.95)),
        **UNMEASURED,
    )
    measured = measure(case)
    assert measured.names == measured.labels == tuple("0123456789")
    assert measured.overall == RecallChange("", 20, 19, 1, 0, -17.0006, 7.9097)
    assert (measured.classes[0].images, measured.classes[0].float_right, measured.classes[0].lost) == (2, 2, 1)
    assert (measured.classes[1].float_right, measured.classes[1].lost, measured.classes[1].won) == (1, 0, 0)
    assert measured.float.confusion[1][7] == measured.int8.confusion[1][4] == measured.int8.confusion[0][3] == 1
    assert sum(map(sum, measured.int8.confusion)) == 20
    assert [(each.image, each.shown, each.float_answer, each.int8_answer) for each in measured.disagreements] == [
        (0, "0", "0", "3"),
        (11, "1", "7", "4"),
    ]
    # The logit 8 at temperature 2, against nine of 0.
    assert measured.disagreements[0].float_probability == 0.8585
    assert measured.disagreements[0].int8_probability == 0.9
    assert base64.b64decode(measured.disagreements[0].png).startswith(b"\x89PNG")
    assert [each.image for each in measured.mistakes] == [11, 0]
    assert measured.tensors == ()
    assert measured.manifest == manifest


def test_early_exit_is_measured_whatever_the_manifest_states() -> None:
    """Answers that are settled after half the lines, and wrong: half the lines are read, and all accuracy lost."""
    manifest = read_manifest(MODELS / "conv1d")
    assert manifest.early_exit is not None
    stated = replace(manifest.early_exit, probability=0.5, mean_lines_read=28.0, accuracy_drop_pp=0.0)
    wrong_first = np.array([[(label + 1) % 10, label] for label in LABELS])
    readings = Readings(np.zeros((20, 2, 10), np.int8), wrong_first, np.full((20, 2), 0.9))
    given: dict[str, Any] = {
        "float_logits": logits(LABELS), "predictions": predictions(LABELS), "readings": readings, **UNMEASURED
    }  # fmt: skip
    measured = measure(small_case(manifest=replace(manifest, early_exit=stated), **given))
    assert measured.early_exit == EarlyExit(0.5, (0.0, 1.0), 14.0, 100.0)
    assert measure(small_case(manifest=replace(manifest, early_exit=None), **given)).early_exit is None


def test_24_mistakes_are_kept() -> None:
    """Of more than 24 mistakes the most confident 24 are kept; those of equal confidence in the data's order."""
    case = small_case(**UNMEASURED)
    twice = replace(case.splits, test=case.splits.test[np.arange(40) % 20])
    wrong = [(answer + 1) % 10 for answer in LABELS] * 2
    given = (*predictions(wrong[:20], 0.6), *predictions(wrong[20:], 0.7))
    case = small_case(splits=twice, float_logits=logits(LABELS * 2), predictions=given, **UNMEASURED)
    measured = measure(case)
    assert [each.image for each in measured.mistakes] == [*range(20, 40), 0, 1, 2, 3]
    assert len(measured.disagreements) == 40
