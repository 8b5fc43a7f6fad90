"""Tests of the gate's accuracy and confidence checks, against figures calculated by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.contract.manifest import read_manifest
from pipeline.gate.accuracy import Paired, accuracy, confidence, reference
from tests.conftest import MODELS
from tests.support.cases import LABELS, lines, logits, predictions, small_case, with_answers
from tests.support.manifests import with_output


def paired(images: int, lost: int, won: int) -> Paired:
    """Makes pairs in which only float is right on the first images, only int8 on the next, and both on the rest."""
    float_right, int8_right = np.ones((2, images), np.bool_)
    int8_right[:lost] = False
    float_right[lost : lost + won] = False
    return Paired(float_right, int8_right)


def test_counts() -> None:
    """Images that one model alone classifies correctly are counted, those of both are not."""
    pair = paired(10_000, lost=20, won=5)
    assert (pair.lost, pair.won) == (20, 5)
    assert pair.drop_pp == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("images", "lost", "won", "upper_pp"),
    [
        # 100 (15 / 10,002 + 1.95996 sqrt((26 / 10,002 - (15 / 10,002)^2) / 10,002))
        (10_000, 20, 5, 0.249846),
        (10_000, 0, 0, 0.019596),
        (1_000, 0, 0, 0.195605),
        (1_000, 1, 0, 0.376359),
        (10_000, 0, 20, -0.110247),
    ],
)
def test_upper_bound_of_the_interval(images: int, lost: int, won: int, upper_pp: float) -> None:
    """The upper bound is that of Agresti and Min: half an image more in each cell, two more in all."""
    assert paired(images, lost, won).drop_interval_pp[1] == pytest.approx(upper_pp, abs=1e-6)


@given(st.integers(1_000, 20_000), st.integers(0, 400), st.integers(0, 400))
def test_interval_is_mirrored_where_the_models_are_swapped(images: int, lost: int, won: int) -> None:
    """The lower bound is minus the upper one of the models the other way round."""
    low, high = paired(images, lost, won).drop_interval_pp
    assert (-high, -low) == pytest.approx(paired(images, won, lost).drop_interval_pp)


@given(st.integers(1_000, 20_000), st.integers(0, 400), st.integers(0, 400))
def test_upper_bound_is_above_the_drop(images: int, lost: int, won: int) -> None:
    """The upper bound is above the measured drop, shrunk by two images."""
    pair = paired(images, lost, won)
    assert pair.drop_interval_pp[1] > pair.drop_pp * images / (images + 2)


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (2, 0, 0.5),
        (5, 5, 1.0),
        # Of 2^25 ways to split 25 as far apart as this, 2 times 1 + 25 + 300 + 2,300 + 12,650 + 53,130.
        (20, 5, 136_812 / 2**25),
        (5, 20, 136_812 / 2**25),
    ],
)
def test_mcnemar(lost: int, won: int, p: float) -> None:
    """The p value is that of a two-sided sign test of fair coins."""
    assert math.isclose(paired(1_000, lost, won).mcnemar_p, p)


def test_one_wrong_answer_of_twenty() -> None:
    """With one answer lost, int8 is just within limits of 95 %, 5 points, 25 points and half of a class."""
    case = small_case(
        float_logits=logits(LABELS),
        predictions=predictions(with_answers(1, 3)),
        line_logits=logits(with_answers(1, 3)).astype(np.int8),
    )
    assert lines(list(accuracy(case))) == [
        ("float accuracy", "100.00 %"),
        ("int8 accuracy, whole", "95.00 %", "≥ 95.00 %"),
        ("int8 accuracy, line by line", "95.00 %", "≥ 95.00 %"),
        ("accuracy drop", "5.00 pp", "≤ 5.00 pp"),
        ("accuracy drop, upper bound of the 95 % CI", "17.00 pp", "≤ 25.00 pp"),
        ("McNemar's exact test", "p = 1, 1 lost, 0 won"),
        ("agreement with float", "95.00 %", "≥ 95.00 %"),
        ("recall drop of the worst class", "50.00 pp, class 0", "≤ 50.00 pp"),
    ]


def test_two_wrong_answers_of_twenty() -> None:
    """With two answers lost, and three line by line, each limit is broken."""
    case = small_case(
        float_logits=logits(LABELS),
        predictions=predictions(with_answers(2, 3)),
        line_logits=logits(with_answers(3, 3)).astype(np.int8),
    )
    found = lines(list(accuracy(case)))
    assert found[1:5] == [
        ("int8 accuracy, whole", "refused", "90.00 % is not ≥ 95.00 %"),
        ("int8 accuracy, line by line", "refused", "85.00 % is not ≥ 95.00 %"),
        ("accuracy drop", "refused", "10.00 pp is not ≤ 5.00 pp"),
        ("accuracy drop, upper bound of the 95 % CI", "24.05 pp", "≤ 25.00 pp"),
    ]
    assert found[6] == ("agreement with float", "refused", "90.00 % is not ≥ 95.00 %")


def test_int8_may_win_what_float_loses() -> None:
    """An image that only int8 classifies correctly is won, and counts against agreement alone."""
    case = small_case(
        float_logits=logits(with_answers(1, 3)),
        predictions=predictions(LABELS),
        line_logits=logits(LABELS).astype(np.int8),
    )
    found = lines(list(accuracy(case)))
    assert found[0] == ("float accuracy", "95.00 %")
    assert found[3] == ("accuracy drop", "-5.00 pp", "≤ 5.00 pp")
    assert found[5] == ("McNemar's exact test", "p = 1, 0 lost, 1 won")
    assert found[7] == ("recall drop of the worst class", "0.00 pp, class 1", "≤ 50.00 pp")


def test_finite_logits_and_right_labels_pass() -> None:
    """A float network with finite logits, whose answers are the classes of the labels, can be compared with."""
    assert lines(list(reference(small_case(float_logits=logits(LABELS))))) == [
        ("float logits finite", "all images", "all images"),
        ("labels match classes", "ok", "each"),
    ]


def test_logits_that_are_not_finite_are_counted() -> None:
    """NaN and infinite logits are counted by image, and nothing else is checked."""
    broken = logits(LABELS)
    broken[3, 1], broken[3, 2], broken[4, 0] = np.nan, np.inf, -np.inf
    reason = "the float network's logits are not finite for 2 images"
    assert lines(list(reference(small_case(float_logits=broken)))) == [("float logits finite", "refused", reason)]


def test_labels_of_other_classes_are_refused() -> None:
    """A label whose images mostly show another class, or that is never answered, is a violation."""
    answers = [0 if label == 1 else 1 if label == 0 else 9 if label == 8 else label for label in LABELS]
    (_, (name, verdict, reason)) = lines(list(reference(small_case(float_logits=logits(answers)))))
    assert (name, verdict) == ("labels match classes", "refused")
    assert reason == (
        "most images answered 0 show 1; most images answered 1 show 0; "
        "the float network never answers 8; most images answered 9 show 8"
    )


def test_confidence_of_other_data_has_no_temperature() -> None:
    """Calibration errors are of all images and of answers; without its data the temperature is not judged."""
    manifest = with_output(read_manifest(MODELS / "conv1d"), temperature=1.0, threshold=0.5)
    manifest = replace(manifest, calibration=replace(manifest.calibration, source="others"))
    case = small_case(
        manifest=manifest,
        float_logits=logits(LABELS, height=4.0),
        predictions=(*predictions(LABELS[:10], 0.75), *predictions(LABELS[10:], 0.25)),
    )
    # Float: e^4 / (e^4 + 9) = 0.8585 on every image, all correct. Int8: 0.75 and 0.25, of which 0.75 are answers.
    assert lines(list(confidence(case))) == [
        ("calibration error, float", "14.15 pp"),
        ("calibration error, int8", "50.00 pp"),
        ("calibration error of answers", "refused", "25.00 pp is not ≤ 10.00 pp"),
        ("mean confidence, int8 minus float", "refused", "-35.85 pp is not ≤ 10.00 pp"),
        ("temperature", "not judged", "the validation images it was fitted on are not in the data loaded"),
    ]


def test_a_probability_at_the_threshold_is_an_answer() -> None:
    """Answers begin at the threshold itself: here all of them have just that probability."""
    manifest = with_output(read_manifest(MODELS / "conv1d"), threshold=0.75)
    manifest = replace(manifest, calibration=replace(manifest.calibration, source="others"))
    case = small_case(manifest=manifest, float_logits=logits(LABELS), predictions=predictions(LABELS, 0.75))
    assert lines(list(confidence(case)))[2][2] == "25.00 pp is not ≤ 10.00 pp"
