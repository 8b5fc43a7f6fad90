"""Tests of `pipeline.gate.case`: what the checks share, on the released conv1d and twenty digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.splits import digests
from tests.support.cases import LABELS, small_case


def test_the_runner_reads_each_input_whole_and_line_by_line() -> None:
    """The last of seven answers has the logits of the whole input; twenty digits are read right."""
    case = small_case()
    readings = case.readings
    assert readings.logits.shape == (20, 7, 10)
    assert (readings.indices.shape, readings.probabilities.shape) == ((20, 7), (20, 7))
    np.testing.assert_array_equal(case.line_logits, case.whole_logits, strict=True)
    assert readings.indices[:, -1].tolist() == list(LABELS)
    assert [answer.index for answer in case.predictions] == list(LABELS)
    assert readings.probabilities[:, -1].tolist() == [answer.probability for answer in case.predictions]


def test_rows_of_steps_are_compared_with_what_whole_inputs_have() -> None:
    """That is the last row, or as many of the last rows as a whole input answers with."""
    rows = np.arange(2 * 7 * 3).reshape(2, 7, 3).astype(np.int8)
    last = small_case(whole_logits=np.zeros((2, 3), np.int8)).as_whole(rows)
    assert last.tolist() == [[18, 19, 20], [39, 40, 41]]
    for count in (1, 2, 7):
        some = small_case(whole_logits=np.zeros((2, count, 3), np.int8)).as_whole(rows)
        assert some.tolist() == rows[:, 7 - count :].tolist()


def test_int8_values_are_those_of_the_manifests_scale() -> None:
    """A row of logits or the last of several, by the output's own quantisation."""
    case = small_case()
    (output,) = case.outputs
    scale, zero_point = case.manifest.output.quantisation.scale, case.manifest.output.quantisation.zero_point
    rows = np.arange(10, 30).reshape(1, 2, 10).astype(np.int8)
    expected = (np.arange(20, 30) - zero_point) * np.float32(scale)
    np.testing.assert_allclose(case.real(output, rows), [expected], rtol=1e-6)
    np.testing.assert_allclose(case.real(output, rows[:, -1]), [expected], rtol=1e-6)


def test_other_data_than_the_files_cannot_repeat_its_conversion() -> None:
    """The release was calibrated on MNIST; the embedded images are others, and hold few of its crops."""
    case = small_case()
    assert (case.has_its_data, case.can_convert) == (False, False)
    own = replace(case.manifest.calibration, source=case.splits.calibration.source)
    known = tuple(digests(case.splits.calibration.crops[:3]))
    ours = small_case(manifest=replace(case.manifest, calibration=own), calibration_digests=known)
    assert (ours.has_its_data, ours.can_convert) == (True, True)
    assert not small_case(calibration_digests=()).can_convert
    assert not small_case(calibration_digests=(*known, 64 * "0")).can_convert


def test_known_crops_are_found_by_their_hash() -> None:
    """Those that calibrate, train or validate; the test's, each of ten twice, are apart."""
    case = small_case()
    first = case.splits.calibration.crops[0]
    np.testing.assert_array_equal(case.known_crops[next(iter(digests(first[np.newaxis])))], first)
    assert len(case.test_digests) == 10


def test_without_negatives_there_are_no_probabilities_of_them() -> None:
    """Labels other than digits have none."""
    with pytest.raises(ValueError, match="Expected negatives"):
        _ = small_case(negatives=None).negative_probabilities
