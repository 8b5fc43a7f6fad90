"""A good model passes the gate; one whose numbers were spoilt is refused for its own reason and no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from device.streaming import Stream
from pipeline.gate.check import Verdict
from tests.support.sabotage import (
    Good,
    calibrated_on,
    forge,
    forge_edited,
    judged,
    limits_for_this_python,
    noise,
    of_shape,
    reasons,
    record_calibration,
    refusals,
)

READS_WORSE = {
    "int8 accuracy, whole",
    "int8 accuracy, by line",
    "accuracy drop",
    "accuracy drop, upper end of 95 %",
    "agreement",
    "recall drop of any class",
}


def test_a_good_model_passes(good: Good) -> None:
    """A model as released passes every check."""
    judgement = judged(good.folder, good.splits, good.limits)
    assert refusals(judgement) == set()
    assert judgement.verdict is Verdict.PASSED
    assert judgement.diagnosis is None


def test_calibrated_on_noise(good: Good, tmp_path: Path) -> None:
    """Noise is none of the data's images."""
    folder = calibrated_on(tmp_path, good, noise(good))
    assert refusals(judged(folder, good.splits, good.limits)) == {"calibration known"}


def test_calibrated_on_noise_and_denied(good: Good, tmp_path: Path) -> None:
    """Where the record names digits all the same, it shows in what the file reads: ranges of noise clip them."""
    folder = calibrated_on(tmp_path, good, noise(good))
    record_calibration(folder, good.splits.calibration.crops)
    assert refusals(judged(folder, good.splits, good.limits)) == READS_WORSE


def test_calibrated_on_inverted_images(good: Good, tmp_path: Path) -> None:
    """Images with light and dark exchanged are none of the data's."""
    folder = calibrated_on(tmp_path, good, ~good.splits.calibration.crops)
    assert refusals(judged(folder, good.splits, good.limits)) == {"calibration known"}


def test_calibrated_on_inverted_images_and_denied(good: Good, tmp_path: Path) -> None:
    """Ranges of inverted images clip digits, too."""
    folder = calibrated_on(tmp_path, good, ~good.splits.calibration.crops)
    record_calibration(folder, good.splits.calibration.crops)
    assert refusals(judged(folder, good.splits, good.limits)) == READS_WORSE


def test_calibrated_on_others_and_denied(good: Good, tmp_path: Path) -> None:
    """Ranges of other digits read as well, but are not those of the images that the record names."""
    folder = calibrated_on(tmp_path, good, good.splits.calibration.crops[200:])
    record_calibration(folder, good.splits.calibration.crops)
    assert refusals(judged(folder, good.splits, good.limits)) == {"conversion repeated"}


def test_calibrated_on_what_is_judged(good: Good, tmp_path: Path) -> None:
    """One judged image among those that calibrated is one too many."""
    crops = good.splits.calibration.crops.copy()
    crops[100] = good.splits.test.crops[7]
    folder = calibrated_on(tmp_path, good, crops)
    assert refusals(judged(folder, good.splits, good.limits)) == {"calibration apart"}


def test_a_weight_tensors_scale_doubled(good: Good, good_copy: Path) -> None:
    """A convolution that counts double costs accuracy."""

    def double(model: schema.ModelT) -> None:
        for tensor in (*of_shape(model, 64, 1, 3, 32), *of_shape(model, 64)):
            tensor.quantization.scale = 2 * tensor.quantization.scale

    forge_edited(good_copy, double)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == READS_WORSE
    assert judgement.diagnosis is not None
    first = min((tensor for tensor in judgement.diagnosis.tensors if tensor.snr_db < 10), key=lambda each: each.place)
    assert "convolution_1" in first.name
    worst = judgement.diagnosis.classes[0]
    assert (worst.label, worst.images, worst.float_recall_percent) == ("7", 223, 100.0)
    assert worst.int8_recall_percent < 98.5
    assert "7" in {image.shown for image in judgement.diagnosis.disagreements}


def test_a_gates_recurrent_weights_zeroed(good: Good, good_copy: Path) -> None:
    """A forget gate that does not see the hidden state costs accuracy."""

    def zero(model: schema.ModelT) -> None:
        buffer = model.buffers[of_shape(model, 512, 128)[0].buffer]
        weights = np.array(buffer.data).reshape(512, 128)
        weights[128:256] = 0
        buffer.data = weights.ravel()

    forge_edited(good_copy, zero)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"accuracy drop", "accuracy drop, upper end of 95 %"}
    assert judgement.diagnosis is not None
    forget_gate = "split1"
    assert judgement.diagnosis.tensors[0].name.endswith(forget_gate)


def test_state_kept_between_crops(good: Good, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that does not clear its states answers by what came before."""
    reset = Stream.reset

    def keep_states(stream: Stream) -> None:
        if hasattr(stream, "_waiting"):
            stream._waiting = 0
        else:
            reset(stream)

    monkeypatch.setattr(Stream, "reset", keep_states)
    assert refusals(judged(good.folder, good.splits, good.limits)) == {"order, by line"}


def test_a_byte_flipped_and_denied(good: Good, good_copy: Path) -> None:
    """A weight that is off by one reads as well, but is not what the float weights give."""

    def nudge(model: schema.ModelT) -> None:
        buffer = model.buffers[of_shape(model, 512, 128)[0].buffer]
        weights = np.array(buffer.data)
        weights[1234] ^= 1
        buffer.data = weights

    forge_edited(good_copy, nudge)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"conversion repeated"}


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("images_min = 1_000\n", "images"),
        ("agreement_percent_min = 99.7\n", "runs on ai-edge-litert"),
        ("digits_kept_percent_min = 98\n", "digits kept"),
        ("negatives_accepted_percent_max = 3\n", "negatives accepted"),
        ("arena_bytes_max = 300_000\n", "arena bytes on tflite-micro"),
        ("accuracy_drop_upper_pp_max = 0.25\n", "accuracy drop, upper end of 95 %"),
    ],
)
def test_a_limit_missing(good: Good, tmp_path: Path, line: str, check: str) -> None:
    """A check whose limit is missing refuses, however good the model."""
    limits = limits_for_this_python(tmp_path, (line, ""))
    assert check in refusals(judged(good.folder, good.splits, limits))


def test_a_temperature_that_was_not_fitted(good: Good, good_copy: Path) -> None:
    """Probabilities at a temperature of one are less sure than they may be."""
    forge(good_copy, temperature=1.0)
    assert refusals(judged(good_copy, good.splits, good.limits)) == {"temperature", "calibration error of answers"}


def test_a_threshold_of_nothing(good: Good, good_copy: Path) -> None:
    """A model that answers everything keeps each digit, and takes all else for digits."""
    forge(good_copy, threshold=0.0)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"negatives accepted"}
    assert reasons(judgement) == ["100.00 % of 10,000 is not ≤ 3.00 %"]


def test_a_threshold_far_too_high(good: Good, good_copy: Path) -> None:
    """A model that answers hardly anything takes nothing else for digits, and keeps few of them."""
    forge(good_copy, threshold=0.99999)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"digits kept"}
    (reason,) = reasons(judgement)
    assert reason.endswith(" % is not ≥ 98.00 %")
