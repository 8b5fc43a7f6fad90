"""Tests of `device.runner`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters.tflite.flatbuffer import dump, load
from device import ManifestError, Prediction, Runner
from device.contract.manifest import ModelFile, read_manifest
from device.quantisation import Quantisation
from tests.conftest import EITHER_RUNTIME, MODELS, Digits, run_python

ROWS2D = MODELS / "rows2d"
CROPS = hnp.arrays(np.uint8, (28, 28))
READS = """
import json, sys
import numpy as np
from device import Runner
with Runner(sys.argv[1], runtime=sys.argv[2]) as runner:
    labels = [runner.classify(crop).label for crop in np.load(sys.argv[3])]
    print(json.dumps([runner.runtime.name, labels]))
"""


def same(one: Prediction, other: Prediction) -> bool:
    return one._replace(latency_ms=0) == other._replace(latency_ms=0)


def pushed(runner: Runner, lines: npt.NDArray[np.uint8]) -> Prediction:
    *before, last = [runner.push(line) for line in lines]
    assert before == [None] * 27
    assert isinstance(last, Prediction)
    return last


def in_time(variant: str, crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return crop.T if variant == "cols2d" else crop


def rewrite(folder: Path, **changes: object) -> Path:
    dataclasses.replace(read_manifest(folder), **changes).write(folder)  # type: ignore[arg-type]
    return folder


def rewrite_output(folder: Path, **changes: object) -> Path:
    return rewrite(folder, outputs=(dataclasses.replace(read_manifest(folder).output, **changes),))  # type: ignore[arg-type]


def vouched(folder: Path, content: bytes) -> Path:
    (folder / "model.int8.tflite").write_bytes(content)
    return rewrite(folder, file=ModelFile("model.int8.tflite", len(content), hashlib.sha256(content).hexdigest()))


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(ROWS2D) as runner:
        yield runner


def test_reads_digits(variant: str, digits: Digits) -> None:
    """Each released model reads at least 294 of 300 real digits right."""
    with Runner(MODELS / variant) as runner:
        read = [runner.classify(crop).label == str(label) for crop, label in zip(*digits, strict=True)]
    assert len(read) == 300
    assert read.count(True) >= 294


@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_reads_digits_on_either_runtime(tmp_path: Path, digits: Digits, runtime: str) -> None:
    """The runtime that was asked for reads at least 294 of 300 real digits right."""
    crops, labels = digits
    np.save(tmp_path / "crops.npy", crops)
    child = run_python("-c", READS, ROWS2D, runtime, tmp_path / "crops.npy")
    name, read = json.loads(child.stdout)
    assert name == runtime
    assert sum(label == str(digit) for label, digit in zip(read, labels, strict=True)) >= 294


def test_prediction(runner: Runner, digits: Digits) -> None:
    """An answer names the three most probable classes in order, and the first as the label if it is probable enough."""
    for crop in digits[0]:
        prediction = runner.classify(crop)
        names, probabilities = zip(*prediction.top, strict=True)
        assert len(set(names)) == 3
        assert sorted(probabilities, reverse=True) == list(probabilities)
        assert 0 < sum(probabilities) <= 1.000001
        assert prediction.probability == probabilities[0]
        assert str(prediction.index) == names[0]
        answered = prediction.probability >= runner.manifest.output.threshold
        assert prediction.label == (names[0] if answered else None)


def test_probabilities_are_those_of_the_logits(runner: Runner, digits: Digits) -> None:
    """The probability is the softmax of the dequantised logits."""
    crop = digits[0][100]
    logits = runner.logits(crop)
    assert logits.shape == (10,)
    assert logits.dtype == np.int8
    manifest = runner.manifest
    powers = np.exp(manifest.output.quantisation.scale * logits.astype(float) / manifest.output.temperature)
    assert runner.classify(crop).probability == pytest.approx(powers.max() / powers.sum(), rel=1e-5)


def test_partial_logits_are_those_of_the_lines_so_far(runner: Runner, digits: Digits) -> None:
    """After the last line they are the crop's, bit for bit; there are none before the first time step."""
    crop = digits[0][100]
    seen = [runner.partial_logits for _ in runner.steps(crop)]
    assert [logits is not None and int(logits.argmax()) for logits in seen] == [
        answer.index for answer in runner.steps(crop)
    ]
    assert seen[-1] is not None
    assert np.array_equal(seen[-1], runner.logits(crop))
    runner.reset()
    assert runner.partial_logits is None


def test_order_of_crops(variant: str, digits: Digits) -> None:
    """What a model says of a crop does not depend on the crops before it, nor on whether they came line by line."""
    with Runner(MODELS / variant) as runner:
        forwards = [runner.classify(crop) for crop in digits[0]]
        for crop, prediction in zip(digits[0][::-1], reversed(forwards), strict=True):
            assert same(pushed(runner, in_time(variant, crop)), prediction)
            assert same(runner.classify(crop), prediction)
            runner.reset()


@pytest.mark.sampled
@settings(max_examples=30, deadline=None)
@given(crop=CROPS)
def test_push_equals_classify(variant: str, crop: npt.NDArray[np.uint8]) -> None:
    """Twenty-eight lines, rows or columns as the model reads, give None 27 times and then what the crop gives."""
    with Runner(MODELS / variant) as runner:
        assert same(pushed(runner, in_time(variant, crop)), runner.classify(crop))


@pytest.mark.sampled
@settings(max_examples=30, deadline=None)
@given(broken_off=CROPS, crop=CROPS, lines=st.integers(0, 28))
def test_reset_forgets(
    variant: str, broken_off: npt.NDArray[np.uint8], crop: npt.NDArray[np.uint8], lines: int
) -> None:
    """A crop broken off after any number of lines changes nothing in the next one."""
    with Runner(MODELS / variant) as runner:
        for line in broken_off[:lines]:
            runner.push(line)
        runner.reset()
        assert same(pushed(runner, in_time(variant, crop)), runner.classify(crop))


def test_lines_are_copied(runner: Runner, digits: Digits) -> None:
    """A camera may fill the same line again and again, and whole crops may be read between its lines."""
    crop, line = digits[0][0], np.empty(28, np.uint8)
    for row in crop:
        line[:] = row
        last = runner.push(line)
        whole = runner.classify(crop)
    assert last is not None
    assert same(last, whole)


def test_lines_are_rows_or_columns(variant: str) -> None:
    """The lines of a crop are its rows, or for `cols2d` its columns, each without gaps in memory."""
    crop = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    with Runner(MODELS / variant) as runner:
        lines = runner.lines(crop)
    assert lines[0, :3].tolist() == ([0, 28, 56] if variant == "cols2d" else [0, 1, 2])
    assert lines[27, 27] == 783 % 256
    assert lines.flags.c_contiguous


def test_an_answer_as_probable_as_the_limit_is_settled(model_copy: Path, digits: Digits) -> None:
    """Reading stops at the first answer whose probability is the manifest's or more, and not at one below it."""
    with Runner(ROWS2D) as runner:
        answers = list(runner.steps(digits[0][0]))
        early_exit = runner.manifest.early_exit
    assert early_exit is not None
    assert [answer.lines_read for answer in answers] == [4, 8, 12, 16, 20, 24, 28]
    for limit in (answers[3].probability, np.nextafter(answers[3].probability, 1)):
        expected = next(answer for answer in answers if answer.probability >= limit or answer.lines_read == 28)
        rewrite(model_copy, early_exit=dataclasses.replace(early_exit, probability=float(limit)))
        with Runner(model_copy) as runner:
            assert same(runner.read(digits[0][0], early_exit=True), expected)
            assert runner.settled == (expected.probability >= limit)
            assert same(runner.read(digits[0][0]), answers[-1])


def test_push_past_the_last_line(runner: Runner) -> None:
    """After 28 lines a crop is complete: another line needs a reset first."""
    pushed(runner, np.zeros((28, 28), np.uint8))
    with pytest.raises(RuntimeError, match=r"^Expected reset\(\) after the 28 lines of a crop\. Received: another"):
        runner.push(np.zeros(28, np.uint8))
    runner.reset()
    assert runner.push(np.zeros(28, np.uint8)) is None


def test_refused_lines_do_not_count(runner: Runner, digits: Digits) -> None:
    """A line of another shape is refused, and the crop goes on as if it had not come."""
    for line in digits[0][0]:
        for wrong in (line[:27], line[np.newaxis], np.append(line, line)):
            with pytest.raises(ValueError, match=r"^Expected line <uint8>\[28\]\. Received: shape="):
                runner.push(wrong)
        last = runner.push(line)
    assert last is not None
    assert same(last, runner.classify(digits[0][0]))


@pytest.mark.parametrize("crop", [np.zeros((27, 28), np.uint8), np.zeros((28, 28), np.float32), [[0] * 28] * 28])
def test_refuses_other_crops(runner: Runner, crop: npt.NDArray[np.uint8]) -> None:
    """Another shape, dtype or type is refused by `classify` and by `logits`."""
    for read in (runner.classify, runner.logits):
        with pytest.raises(ValueError, match=r"^Expected crop <uint8>\[28, 28\]\. Received: "):
            read(crop)


def test_closed() -> None:
    """A closed runner refuses everything but being closed once more."""
    with Runner(ROWS2D) as runner:
        pass
    for use in (
        lambda: runner.classify(np.zeros((28, 28), np.uint8)),
        lambda: runner.logits(np.zeros((28, 28), np.uint8)),
        lambda: runner.push(np.zeros(28, np.uint8)),
        runner.reset,
    ):
        with pytest.raises(RuntimeError, match=r"^Expected an open runner\. This one is closed$"):
            use()
    runner.close()


def test_threshold(model_copy: Path, digits: Digits) -> None:
    """Under the threshold there is no label, but still the most probable class."""
    with Runner(ROWS2D) as lenient, Runner(rewrite_output(model_copy, threshold=0.999)) as strict:
        for crop in digits[0]:
            sure, doubtful = lenient.classify(crop), strict.classify(crop)
            assert doubtful.label == (sure.label if sure.probability >= 0.999 else None)
            assert (doubtful.index, doubtful.top) == (sure.index, sure.top)
        assert None in {strict.classify(crop).label for crop in digits[0]}


def test_temperature(model_copy: Path, digits: Digits) -> None:
    """A higher temperature makes every answer less sure and changes none."""
    temperature = 4 * read_manifest(ROWS2D).output.temperature
    with Runner(ROWS2D) as cold, Runner(rewrite_output(model_copy, temperature=temperature)) as hot:
        for crop in digits[0]:
            assert hot.classify(crop).index == cold.classify(crop).index
            assert hot.classify(crop).probability < cold.classify(crop).probability


def test_takes_the_file_itself(model_copy: Path) -> None:
    """The model's file stands for its folder."""
    with Runner(model_copy / "model.int8.tflite") as runner:
        assert runner.manifest == read_manifest(model_copy)


def test_refuses_the_file_beside(model_copy: Path) -> None:
    """A file that the manifest does not speak of is refused, though the right one lies beside it."""
    (model_copy / "other.tflite").write_bytes((model_copy / "model.int8.tflite").read_bytes())
    with pytest.raises(ManifestError, match=r"Expected model\.int8\.tflite \(manifest\)\. Received: other\.tflite$"):
        Runner(model_copy / "other.tflite")


@pytest.mark.parametrize("name", ["nosuch", "rows2d/nosuch.tflite"], ids=["folder", "file"])
def test_missing_model(model_copy: Path, name: str) -> None:
    """A folder or file that is not there is an OSError that names it, whatever lies beside."""
    with pytest.raises(FileNotFoundError, match="nosuch"):
        Runner(model_copy.parent / name)


@pytest.mark.parametrize("name", ["golden.bin", "manifest.json", "model.int8.tflite"])
def test_missing_part(model_copy: Path, name: str) -> None:
    """A model without its manifest or golden crops, or a manifest without its model, is an OSError that names it."""
    (model_copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"/rows2d/{re.escape(name)}"):
        Runner(model_copy)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_tampered_file(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A file with any one bit changed, or cut anywhere, does not load."""
    folder = tmp_path_factory.mktemp("tampered", numbered=True)
    (folder / "manifest.json").write_bytes((ROWS2D / "manifest.json").read_bytes())
    content = bytearray((ROWS2D / "model.int8.tflite").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1), label="byte")
    if data.draw(st.booleans(), label="cut"):
        del content[place:]
    else:
        content[place] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    (folder / "model.int8.tflite").write_bytes(content)
    with pytest.raises(ManifestError, match=r"model\.int8\.tflite: Expected SHA-256 [0-9a-f]{64} \(manifest\)\."):
        Runner(folder)


def test_manifest_of_another_model(model_copy: Path) -> None:
    """A model beside the manifest of another one does not load."""
    (model_copy / "manifest.json").write_bytes((MODELS / "cols2d" / "manifest.json").read_bytes())
    with pytest.raises(ManifestError, match=r"Expected SHA-256 [0-9a-f]{64} \(manifest\)\. Received: [0-9a-f]{64}$"):
        Runner(model_copy)


@pytest.mark.parametrize(
    ("tensor", "changes", "message"),
    [
        ("input", {"name": "photo"}, r"^Expected a tensor photo \(manifest\)\. Received: \['crop'\]$"),
        ("input", {"shape": (1, 28, 28)}, r"^Expected crop as \(\(1, 28, 28\), .*Received: \(\(1, 28, 28, 1\), "),
        ("input", {"quantisation": Quantisation(1.0, 0)}, r"^Expected crop as .*1\.0, 0\) \(manifest\)\. Received"),
        ("output", {"quantisation": Quantisation(0.5, 0)}, r"^Expected logits as .*0\.5, 0\) \(manifest\)\. Received"),
    ],
)
def test_manifest_that_contradicts_its_file(
    model_copy: Path, tensor: str, changes: dict[str, object], message: str
) -> None:
    """A manifest that vouches for its file's bytes and yet feeds it otherwise is refused."""
    manifest = read_manifest(model_copy)
    contract = dataclasses.replace(getattr(manifest, tensor), **changes)
    changed = {"input": contract} if tensor == "input" else {"outputs": (contract,)}
    with pytest.raises(ValueError, match=message):
        Runner(rewrite(model_copy, **changed))


def test_a_model_without_classify(model_copy: Path) -> None:
    """A model without the signature `classify` is refused when it is opened."""
    model = load((model_copy / "model.int8.tflite").read_bytes())
    model.signatureDefs = []
    with pytest.raises(ValueError, match="signature"):
        Runner(vouched(model_copy, dump(model)))


def test_a_model_that_loads_and_cannot_run(model_copy: Path) -> None:
    """A model with an operator that no runtime knows is a ValueError when it is opened, not when it is fed."""
    model = load((model_copy / "model.int8.tflite").read_bytes())
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = 32
    code.customCode = b"Unknown"
    with pytest.raises(ValueError, match="Unknown"):
        Runner(vouched(model_copy, dump(model)))
