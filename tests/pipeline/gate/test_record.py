"""Tests of `pipeline.gate.record`: what follows from counts, and which counts are refused."""

from __future__ import annotations

import base64
import math
from dataclasses import replace

import pytest

from device.contract.manifest import EarlyExit
from pipeline.gate.record import Answers, Example, Latency, RecallChange, ReliabilityBin, TensorSignal
from tests.support.measured import MEASURED


def test_a_change_of_recall_in_percent() -> None:
    """Recall is the share of images classified correctly, its change that of won minus lost images."""
    lost = RecallChange("7", 200, 190, 10, 4, -1.0, 1.0)
    assert (lost.float_percent, lost.int8_percent, lost.change_pp) == (95.0, 92.0, -3.0)
    won = RecallChange("7", 1, 0, 0, 1, -1.0, 1.0)
    assert (won.float_percent, won.int8_percent, won.change_pp) == (0.0, 100.0, 100.0)


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (5, 3, 4, 0), (5, 3, 0, 3), (5, 3, -1, 0), (5, 3, 0, -1)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int, int]) -> None:
    """There are images, and lost and won ones are among those that can be."""
    with pytest.raises(ValueError, match="Expected images, and lost and won among them"):
        RecallChange("7", *counts, 0.0, 0.0)


@pytest.mark.parametrize(
    ("lower", "upper", "images", "right"),
    [(-0.1, 0.5, 1, 1), (0.5, 0.5, 1, 1), (0.5, 1.1, 1, 1), (0.0, 0.5, 0, 0), (0.0, 0.5, 2, 3), (0.0, 0.5, 2, -1)],
)
def test_impossible_bins_are_refused(lower: float, upper: float, images: int, right: int) -> None:
    """A bin has a range within 0..1, images, and no more correct ones than images."""
    with pytest.raises(ValueError, match="Expected 0 <= lower < upper <= 1"):
        ReliabilityBin(lower, upper, images, 0.3, right)
    assert math.isclose(ReliabilityBin(0.0, 1.0, 4, 0.3, 1).accuracy, 0.25)


def test_signal_to_noise_in_decibels() -> None:
    """The ratio is 10 log10 of the energies', rounded to 0.01 dB; exact int8 is infinitely far above its noise."""
    assert TensorSignal("sum", 3, 250.0, 0.5).snr_db == 26.99
    assert TensorSignal("sum", 3, 0.5, 250.0).snr_db == -26.99
    assert TensorSignal("sum", 3, 0.0, 0.0).snr_db == math.inf
    assert TensorSignal("sum", 3, 0.0, 2.0).snr_db == -math.inf


@pytest.mark.parametrize(("signal", "noise"), [(-1.0, 2.0), (2.0, -1.0), (math.nan, 2.0), (2.0, math.nan)])
def test_impossible_energies_are_refused(signal: float, noise: float) -> None:
    """An energy is 0 or more."""
    with pytest.raises(ValueError, match="Expected energies of 0 or more"):
        TensorSignal("sum", 0, signal, noise)


def test_calibration_error_weighs_bins_by_their_images() -> None:
    """Probabilities 0.25 above the accuracy for one image, and 0.1 below it for three, are 13.75 points apart."""
    answers = Answers(((1, 0), (0, 3)), (ReliabilityBin(0.0, 0.5, 1, 0.25, 0), ReliabilityBin(0.5, 1.0, 3, 0.9, 3)))
    assert answers.calibration_error_pp == pytest.approx(13.75)


@pytest.mark.parametrize("confusion", [((-1, 0), (0, 3)), ((0, 0), (0, -1)), ()])
def test_impossible_confusions_are_refused(confusion: tuple[tuple[int, ...], ...]) -> None:
    """No count is below 0, and there are counts."""
    with pytest.raises(ValueError, match="Expected bins, and counts of 0 or more"):
        Answers(confusion, (ReliabilityBin(0.0, 1.0, 4, 0.3, 1),))


def test_an_example_has_a_png_file_or_none() -> None:
    """What is shown in a report is a PNG file in base64; an example without an image is one too."""
    png = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
    for content in ("", png):
        assert Example(5, "7", "7", 0.9, "1", 0.8, content).png == content
    for content in (base64.b64encode(b"GIF89a").decode(), png[4:]):
        with pytest.raises(ValueError, match="png: Expected a PNG file in base64"):
            Example(5, "7", "7", 0.9, "1", 0.8, content)


@pytest.mark.parametrize(
    ("edges_ms", "counts"),
    [((0.0,), ()), ((0.0, 1.0), (1, 2)), ((1.0, 1.0), (1,)), ((1.0, 0.5), (1,)), ((0.0, 1.0), (-1,))],
)
def test_impossible_histograms_are_refused(edges_ms: tuple[float, ...], counts: tuple[int, ...]) -> None:
    """Edges rise, there is one more than counts, and no count is below 0."""
    with pytest.raises(ValueError, match="Expected rising edges, one more than counts"):
        Latency(edges_ms, counts, 0, 0.5, 0.9)
    assert Latency((0.0, 1.0, 2.0), (0, 4), 0, 0.5, 0.9).counts == (0, 4)


def test_measurements_are_of_the_same_classes() -> None:
    """Confusion matrices and changes of recall are of the same classes as the names."""
    with pytest.raises(ValueError, match=r"Expected confusion \[3, 4\]"):
        replace(MEASURED, labels=(*MEASURED.labels, "none"))
    small = Answers(((1, 0), (0, 3)), MEASURED.int8.bins)
    with pytest.raises(ValueError, match=r"Expected confusion \[3, 3\]"):
        replace(MEASURED, float=small)
    with pytest.raises(ValueError, match=r"Expected confusion \[3, 3\]"):
        replace(MEASURED, int8=small)
    with pytest.raises(ValueError, match="Expected a change of recall for each of"):
        replace(MEASURED, classes=MEASURED.classes[::-1])


def test_an_early_exit_has_an_accuracy_for_each_step() -> None:
    """A network without time steps has no early exit; one with an early exit says what each step answers."""
    assert replace(MEASURED, early_exit=None).early_exit is None
    with pytest.raises(ValueError, match="Expected an accuracy after each time step"):
        replace(MEASURED, early_exit=EarlyExit(0.99, (), 1.5, 0.1))
