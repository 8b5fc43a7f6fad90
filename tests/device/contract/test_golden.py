"""Tests of `device.contract.golden` and of how the runner uses it, on the released models."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from converters.tflite.flatbuffer import dump, load
from device import ManifestError, Runner
from device.contract.golden import Golden, GoldenError, read_golden, record_type
from device.contract.manifest import read_manifest
from tests.conftest import MODELS
from tests.device.test_runner import vouched

ROWS2D = MODELS / "rows2d"
# Two crops, two steps, three classes.
GOLDEN = Golden(
    np.zeros((2, 28, 28), np.uint8),
    np.array([[[-9, 0, 5], [-128, 0, 7]], [[0, 0, 0], [1, 1, 1]]], np.int8),
    np.array([[[-5, 1, 9], [-120, 2, 127]], [[0, 0, 0], [3, 3, 3]]], np.int8),
)


def with_golden(folder: Path, content: bytes) -> Path:
    (folder / "golden.bin").write_bytes(content)
    dataclasses.replace(read_manifest(folder), golden_sha256=hashlib.sha256(content).hexdigest()).write(folder)
    return folder


def logits(*steps: tuple[int, ...]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    return [np.array(step, np.int8) for step in steps]


def test_a_released_model_has_sixteen_golden_crops(variant: str) -> None:
    """Each has ten digits, noise, dots, patterns, white and blank, with logits after each of its time steps."""
    manifest = read_manifest(MODELS / variant)
    golden = read_golden(MODELS / variant, manifest)
    assert golden.crops.shape == (16, 28, 28)
    assert golden.lowest.shape == golden.highest.shape == (16, manifest.steps, 10)
    assert (golden.lowest <= golden.highest).all()
    assert (golden.crops[15].max(), golden.crops[14].min()) == (0, 255)


def test_a_released_model_answers_as_when_it_was_made(variant: str) -> None:
    """Whole and line by line, all logits are in their ranges."""
    with Runner(MODELS / variant) as runner:
        runner.golden.check_all(runner.logits, runner.step_logits)


def test_the_ends_of_a_range_are_in_it() -> None:
    """The least and the greatest logits that are allowed pass."""
    GOLDEN.check(0, logits((-9, 0, 9), (-128, 2, 127)), "read")
    GOLDEN.check(1, logits((0, 0, 0), (3, 1, 2)), "read")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (((-10, 0, 9), (-128, 2, 127)), r"crop 0, read, logit 0 is -10, not -9\.\.-5$"),
        (((-9, 0, 10), (-128, 2, 127)), r"crop 0, read, logit 2 is 10, not 5\.\.9$"),
        (((-9, 0, 9), (-119, 2, 127)), r"crop 0, read, logit 0 is -119, not -128\.\.-120$"),
        (((-128, 3, 127),), r"crop 0, read, logit 1 is 3, not 0\.\.2$"),
    ],
    ids=["below", "above", "second step", "whole"],
)
def test_a_logit_outside_its_range_is_refused(steps: tuple[tuple[int, ...], ...], message: str) -> None:
    """One step of int8 too far is refused, with the crop, the logit and the range; whole crops count as last steps."""
    with pytest.raises(GoldenError, match=r"^Expected the answers that the model gave when it was made\..*" + message):
        GOLDEN.check(0, logits(*steps), "read")


def test_every_crop_is_checked_whole_and_line_by_line() -> None:
    """A model that answers only its first crop right, or only whole crops, is refused."""
    right = logits((-9, 0, 9), (-128, 2, 127)), logits((0, 0, 0), (1, 1, 1))
    whole, steps = iter([right[0][-1], right[1][-1]]), iter([right[0], right[0]])
    with pytest.raises(GoldenError, match="golden crop 1, read line by line"):
        GOLDEN.check_all(lambda _: next(whole), lambda _: next(steps))
    whole = iter([right[0][-1], right[0][-1]])
    with pytest.raises(GoldenError, match="golden crop 1, read whole"):
        GOLDEN.check_all(lambda _: next(whole), lambda _: right[0])


def test_step_logits_are_those_of_each_step(variant: str) -> None:
    """`step_logits` gives the logits after each time step, the last those of the whole crop, and starts afresh."""
    with Runner(MODELS / variant) as runner:
        crop = runner.golden.crops[3]
        runner.push(crop[0])
        steps = runner.step_logits(crop)
        assert len(steps) == runner.manifest.steps
        np.testing.assert_array_equal(steps[-1], runner.logits(crop))
        assert runner.partial is None
        for line in runner.lines(crop)[: runner.manifest.lines_per_step]:
            runner.push(line)
        assert runner.partial is not None
        assert runner.partial.index == int(steps[0].argmax())


def test_the_runner_refuses_a_model_that_answers_otherwise(model_copy: Path) -> None:
    """A file whose weights were changed and whose hash was forged is refused at the start."""
    model = load((model_copy / "model.int8.tflite").read_bytes())
    largest = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
    largest.data = -np.asarray(largest.data)
    with pytest.raises(GoldenError, match=r"Received others: golden crop 0, read whole, logit \d is -?\d+, not "):
        Runner(vouched(model_copy, dump(model)))


def test_the_runner_refuses_a_step_that_answers_otherwise(model_copy: Path) -> None:
    """The first golden crop is read line by line as well, so a wrong step is noticed, too."""
    golden = read_golden(model_copy, read_manifest(model_copy))
    records = np.zeros(16, record_type(read_manifest(model_copy)))
    records["crop"], records["lowest"], records["highest"] = golden.crops, golden.lowest, golden.highest
    records["lowest"][0, 2], records["highest"][0, 2] = 126, 127
    with pytest.raises(GoldenError, match="golden crop 0, read line by line, logit 0 is"):
        Runner(with_golden(model_copy, records.tobytes()))


@pytest.mark.parametrize("length", [0, 1, 923, 14_783, 14_785])
def test_golden_crops_of_another_length_are_refused(model_copy: Path, length: int) -> None:
    """Nothing, or crops that are not whole, are refused with both sizes, though the manifest vouches for them."""
    content = (model_copy / "golden.bin").read_bytes().ljust(length, b"\0")[:length]
    with pytest.raises(ManifestError, match=rf"^Expected golden crops of 924 bytes each .* Received: {length:,} bytes"):
        Runner(with_golden(model_copy, content))


def test_other_golden_crops_than_the_manifests_are_refused(model_copy: Path) -> None:
    """One changed bit is refused by the hash."""
    content = bytearray((model_copy / "golden.bin").read_bytes())
    content[5] ^= 1
    (model_copy / "golden.bin").write_bytes(content)
    with pytest.raises(ManifestError, match=r"golden\.bin: Expected SHA-256 [0-9a-f]{64} \(manifest\)\. Received: "):
        Runner(model_copy)


def test_a_model_from_before_golden_crops_answers_but_is_not_verified(model_copy: Path) -> None:
    """A model of manifest format 1 is opened; that it has no golden crops is why `verify` refuses it."""
    (model_copy / "golden.bin").unlink()
    dataclasses.replace(read_manifest(model_copy), golden_sha256="").write(model_copy)
    with Runner(model_copy) as runner:
        assert runner.classify(np.zeros((28, 28), np.uint8)).label is None
        with pytest.raises(GoldenError, match=r"^Expected golden crops\. The model is from before they were kept$"):
            runner.golden.check_all(runner.logits, runner.step_logits)
