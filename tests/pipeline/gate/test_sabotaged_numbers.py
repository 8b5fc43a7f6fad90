"""Tests that the gate passes a good model, and refuses spoilt numbers, each by the right check alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from device.step_loop import StepLoop
from pipeline.gate.check import Verdict
from tests.support.sabotage import (
    EVERY_RUNTIME,
    ONE_RUNTIME,
    Good,
    calibrated_on,
    forge,
    forge_edited,
    judged,
    limits_for_few_images,
    of_shape,
    reasons,
    record_calibration,
    refusals,
)

pytestmark = pytest.mark.slow

READS_WORSE = {
    "int8 accuracy, whole",
    "int8 accuracy, line by line",
    "accuracy drop",
    "accuracy drop, upper bound of the 95 % CI",
    "agreement with float",
    "recall drop of the worst class",
}


@pytest.mark.thorough
def test_a_good_model_passes(good: Good, tmp_path: Path) -> None:
    """A model as released passes every check, on every runtime."""
    judgement = judged(good.folder, good.splits, limits_for_few_images(tmp_path, (ONE_RUNTIME, EVERY_RUNTIME)))
    assert refusals(judgement) == set()
    assert judgement.verdict is Verdict.PASSED
    manifest = (good.folder / "manifest.json").read_bytes()
    assert judgement.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    assert {runtime.name for runtime in judgement.runtimes} >= {"ai-edge-litert"}


def test_calibrated_on_noise(good: Good, good_copy: Path) -> None:
    """A record of noise as calibration images is refused: they are not in the data."""
    shape = good.splits.calibration.crops.shape
    record_calibration(good_copy, np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"calibration images not in the data"}


@pytest.mark.thorough
def test_calibrated_on_inverted_images(good: Good, tmp_path: Path) -> None:
    """Inverted calibration images are refused: not in the data if recorded, for another confidence if denied."""
    folder = calibrated_on(tmp_path, good, ~good.splits.calibration.crops)
    assert refusals(judged(folder, good.splits, good.limits)) == {"calibration images not in the data"}
    record_calibration(folder, good.splits.calibration.crops)
    assert refusals(judged(folder, good.splits, good.limits)) == {"mean confidence, int8 minus float"}


def test_calibrated_on_what_is_judged(good: Good, good_copy: Path) -> None:
    """A single test image among the calibration images of the record is refused."""
    crops = good.splits.calibration.crops.copy()
    crops[100] = good.splits.test.crops[7]
    record_calibration(good_copy, crops)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"calibration images in test set"}


@pytest.mark.thorough
def test_a_weight_tensors_scale_doubled(good: Good, good_copy: Path) -> None:
    """Doubled weights of a convolution are refused, and the differences show where."""

    def double(model: schema.ModelT) -> None:
        for tensor in (*of_shape(model, 64, 1, 3, 32), *of_shape(model, 64)):
            tensor.quantization.scale = 2 * tensor.quantization.scale

    forge_edited(good_copy, double)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == READS_WORSE
    assert judgement.measurements is not None
    first = next(tensor for tensor in judgement.measurements.tensors if tensor.snr_db < 10)
    assert "convolution_1" in first.name
    worst = min(judgement.measurements.classes, key=lambda each: each.change_pp)
    assert (worst.label, worst.images, round(worst.float_percent, 2)) == ("9", 223, 99.1)
    assert worst.int8_percent < 98
    assert "9" in {image.shown for image in judgement.measurements.disagreements}


@pytest.mark.thorough
def test_a_gates_recurrent_weights_zeroed(good: Good, good_copy: Path) -> None:
    """A forget gate that ignores the hidden state is refused, and the differences show where."""

    def zero(model: schema.ModelT) -> None:
        buffer = model.buffers[of_shape(model, 512, 128)[0].buffer]
        weights = np.array(buffer.data).reshape(512, 128)
        weights[128:256] = 0
        buffer.data = weights.ravel()

    forge_edited(good_copy, zero)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == READS_WORSE
    assert judgement.measurements is not None
    forget_gate = "split1"
    assert min(judgement.measurements.tensors, key=lambda each: each.snr_db).name.endswith(forget_gate)


def test_state_kept_between_crops(good: Good, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that keeps its states between crops is refused."""
    reset, begun = StepLoop.reset, []

    def reset_once(loop: StepLoop) -> None:
        if loop not in begun:
            begun.append(loop)
            reset(loop)

    monkeypatch.setattr(StepLoop, "reset", reset_once)
    assert refusals(judged(good.folder, good.splits, good.limits)) == {"same logits in reverse order, line by line"}


@pytest.mark.thorough
def test_a_byte_flipped_and_denied(good: Good, good_copy: Path) -> None:
    """One weight off by one loses no accuracy; repeating the conversion shows it."""

    def nudge(model: schema.ModelT) -> None:
        buffer = model.buffers[of_shape(model, 512, 128)[0].buffer]
        weights = np.array(buffer.data)
        weights[1234] ^= 1
        buffer.data = weights

    forge_edited(good_copy, nudge)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"conversion reproducible"}


def test_missing_limits(good: Good, tmp_path: Path) -> None:
    """Missing limits are refused, however good the model, and named all at once."""
    limits = limits_for_few_images(tmp_path, ("images_min = 1_000\n", ""), ("arena_bytes_max = 300_000\n", ""))
    judgement = judged(good.folder, good.splits, limits)
    assert refusals(judgement) == {"limits complete"}
    assert reasons(judgement) == ["images_min; arena_bytes_max"]


@pytest.mark.thorough
def test_a_temperature_that_was_not_fitted(good: Good, good_copy: Path) -> None:
    """A temperature that was not fitted is refused."""
    forge(good_copy, output={"temperature": 1.0})
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"temperature", "calibration error of answers"}


@pytest.mark.thorough
def test_a_threshold_of_nothing(good: Good, good_copy: Path) -> None:
    """A threshold of 0 is refused for the negatives it accepts."""
    forge(good_copy, output={"threshold": 0.0})
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"negatives accepted"}
    assert reasons(judgement) == ["100.00 % of 10,000 is not ≤ 4.00 %"]


@pytest.mark.thorough
def test_a_threshold_far_too_high(good: Good, good_copy: Path) -> None:
    """A threshold near 1 is refused for the digits it rejects."""
    forge(good_copy, output={"threshold": 0.99999})
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"digits kept"}
    (reason,) = reasons(judgement)
    assert reason.endswith(" % is not ≥ 98.00 %")
