"""Tests of `device.streaming` and of the runner that reads with it, on the released models."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters.tflite.flatbuffer import dump, load
from device import Prediction, Runner
from device.contract.manifest import Manifest, read_manifest
from device.interpreter import load_interpreter
from device.quantisation import Quantisation
from device.signatures import step_contracts
from device.streaming import Collector, Stream
from tests.conftest import MODELS, Digits
from tests.device.test_runner import in_time, pushed, rewrite, same, vouched
from tests.support.golden import golden_again

Lines = npt.NDArray[np.uint8]
CROPS = hnp.arrays(np.uint8, (28, 28))


@dataclasses.dataclass(frozen=True)
class Pair:
    """A released model's stream and its interpreter, and the raw logits of the same file for whole crops."""

    name: str
    manifest: Manifest
    interpreter: Any
    stream: Stream
    runner: Runner

    def streamed(self, crop: Lines) -> list[int]:
        """The logits after the last line."""
        *_, last = [self.stream.push(line) for line in in_time(self.name, crop)]
        assert last is not None
        return [int(logit) for logit in last]

    def states(self) -> dict[str, list[int]]:
        """The values that each state had when it last went into a step."""
        places = {name: tensor["index"] for name, tensor in self.step_inputs().items() if name != "rows"}
        return {name: np.unique(self.interpreter.get_tensor(place)).tolist() for name, place in places.items()}

    def step_inputs(self) -> dict[str, dict[str, Any]]:
        inputs: dict[str, dict[str, Any]] = self.interpreter.get_signature_runner("step").get_input_details()
        return inputs

    def whole(self, crop: Lines) -> list[int]:
        return [int(logit) for logit in self.runner.logits(crop)]


@pytest.fixture(scope="module")
def pair(variant: str) -> Iterator[Pair]:
    manifest = read_manifest(MODELS / variant)
    interpreter, _ = load_interpreter(manifest.verified_content(MODELS / variant), threads=1)
    with Runner(MODELS / variant) as runner:
        yield Pair(variant, manifest, interpreter, Stream(interpreter, manifest), runner)


@pytest.fixture(params=["rows2d", "cols2d"])
def collecting(request: pytest.FixtureRequest, model_copy: Path) -> Iterator[Runner]:
    """A model whose manifest knows no states, on either time axis."""
    for name in ("golden.bin", "manifest.json", "model.int8.tflite"):
        (model_copy / name).write_bytes((MODELS / request.param / name).read_bytes())
    model = load((model_copy / "model.int8.tflite").read_bytes())
    model.signatureDefs = [signature for signature in model.signatureDefs if signature.signatureKey == b"classify"]
    vouched(model_copy, dump(model))
    with Runner(without_states(model_copy)) as runner:
        yield runner


def without_states(folder: Path) -> Path:
    return golden_again(rewrite(folder, states=(), not_streamable="lstm: reads time backwards", early_exit=None))


def classify_first(content: bytes) -> bytes:
    model = load(content)
    model.subgraphs.reverse()
    for signature in model.signatureDefs:
        signature.subgraphIndex = 1 - signature.subgraphIndex
    return dump(model)


def axis(runner: Runner, crop: Lines) -> Lines:
    return crop if runner.manifest.time_axis == "rows" else crop.T


def test_partial(variant: str, digits: Digits) -> None:
    """Before the first whole step nothing is said, then what the steps so far say, and at the end what push says."""
    lines_per_step = {"rows2d": 4, "cols2d": 4, "conv1d": 4, "rows": 1, "fast": 4, "tiny": 4}[variant]
    with Runner(MODELS / variant) as runner:
        assert runner.partial is None
        said: list[Prediction | None] = []
        for line in in_time(variant, digits[0][200]):
            answer = runner.push(line)
            said.append(runner.partial)
        assert said[: lines_per_step - 1] == [None] * (lines_per_step - 1)
        *before, last = said[lines_per_step - 1 :]
        assert last is not None
        assert answer is not None
        assert same(last, answer)
        assert same(answer, runner.classify(digits[0][200]))
        for count, partial in enumerate(before, start=lines_per_step):
            earlier = said[count - count % lines_per_step - 1]
            assert partial is not None
            assert earlier is not None
            assert same(partial, earlier)
        assert len({partial.probability for partial in said if partial is not None}) > 28 // lines_per_step / 2
        runner.reset()
        assert runner.partial is None


def test_partial_of_a_closed_runner() -> None:
    """A closed runner has no answer so far."""
    with Runner(MODELS / "rows2d") as runner:
        runner.push(np.zeros(28, np.uint8))
    with pytest.raises(RuntimeError, match=r"^Expected an open runner\. This one is closed$"):
        _ = runner.partial


def test_logits_come_with_whole_steps(pair: Pair) -> None:
    """A line that completes a time step gives ten int8 logits, any other none."""
    pair.stream.reset()
    lines_per_step = {"rows2d": 4, "cols2d": 4, "conv1d": 4, "rows": 1, "fast": 4, "tiny": 4}[pair.name]
    for count in range(1, 29):
        logits = pair.stream.push(np.zeros(28, np.uint8))
        assert (logits is None) == (count % lines_per_step > 0)
        assert logits is None or (logits.shape == (10,) and logits.dtype == np.int8)


def test_order_of_images(pair: Pair, digits: Digits) -> None:
    """Whatever images came before, forwards or backwards, the logits of an image are those of the whole crop."""
    crops = digits[0][::3]
    whole = [pair.whole(crop) for crop in crops]
    for order in (range(100), range(99, -1, -1)):
        for index in order:
            pair.stream.reset()
            assert pair.streamed(crops[index]) == whole[index]


@pytest.mark.parametrize("lines", range(29))
def test_a_crop_broken_off_at_any_line(pair: Pair, digits: Digits, lines: int) -> None:
    """However many lines of a crop were there when it was broken off, the next crop's logits are its own."""
    broken_off, crop = digits[0][[250, 40]]
    pair.stream.reset()
    for line in in_time(pair.name, broken_off)[:lines]:
        pair.stream.push(line)
    pair.stream.reset()
    assert pair.streamed(crop) == pair.whole(crop)


@settings(max_examples=10, deadline=None)
@given(broken_off=CROPS, crop=CROPS, lines=st.integers(0, 28))
def test_noise_broken_off(pair: Pair, broken_off: Lines, crop: Lines, lines: int) -> None:
    """That holds of any pixels as well."""
    pair.stream.reset()
    for line in broken_off[:lines]:
        pair.stream.push(line)
    pair.stream.reset()
    assert pair.streamed(crop) == pair.whole(crop)


def test_reset_brings_states_to_their_start(pair: Pair, digits: Digits) -> None:
    """A crop's first step is given real zero for every state, whatever the crop before left in it."""
    start = {state.name: state.quantisation.zero_point for state in pair.manifest.states}
    pair.streamed(digits[0][100])
    left = pair.states()
    assert all(left[name] != [zero] for name, zero in start.items() if name[0] in "hc")
    pair.stream.reset()
    for line in in_time(pair.name, digits[0][100])[: pair.manifest.lines_per_step]:
        pair.stream.push(line)
    assert pair.states() == {name: [zero] for name, zero in start.items()}


def test_what_a_step_gives_out() -> None:
    """A state comes out under its name with `_out` behind, of the shape, scale and zero point with which it goes in."""
    (hidden,) = (state for state in read_manifest(MODELS / "rows2d").states if state.name == "h7")
    (out,) = step_contracts([hidden])
    assert out == dataclasses.replace(hidden, name="h7_out")
    assert out.shape == (1, 128)


@pytest.mark.parametrize("name", ["h7", "c7", "rows0", "rows3"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"quantisation": Quantisation(0.5, 0)}, r"\(.*, 'int8', 0\.5, 0\)"),
        ({"shape": (1, 7)}, r"\(\(1, 7\), .*\)"),
    ],
    ids=["scale", "shape"],
)
def test_refuses_states_unlike_the_files(
    model_copy: Path, name: str, changes: dict[str, object], expected: str
) -> None:
    """A manifest that gives a state another scale or shape than its file has is refused with both."""
    states = tuple(
        dataclasses.replace(state, **changes) if state.name == name else state  # type: ignore[arg-type]
        for state in read_manifest(model_copy).states
    )
    with pytest.raises(ValueError, match=rf"^Expected {name} as {expected} \(manifest\)\. Received: \(\(1, "):
        Runner(rewrite(model_copy, states=states))


@pytest.mark.parametrize("change", ["lacking", "more"])
def test_refuses_other_states_than_the_files(model_copy: Path, change: str) -> None:
    """A manifest with a state that its file does not take, or without one that it takes, is refused with the file's."""
    states = read_manifest(model_copy).states
    wrong = states[1:] if change == "lacking" else (*states, dataclasses.replace(states[0], name="nosuch"))
    names = sorted(["rows", *(state.name for state in wrong)])
    message = re.escape(f"Expected a step of {names}. Received: ['c7', 'h7', 'rows', 'rows0', 'rows3']")
    with pytest.raises(ValueError, match=rf"^{message}$"):
        Runner(rewrite(model_copy, states=wrong))


def test_refuses_steps_of_another_length(model_copy: Path) -> None:
    """A manifest whose time steps take two lines beside a file that takes four at a time is refused with both."""
    with pytest.raises(ValueError, match=r"^Expected rows as \(\(1, 2, 28, 1\), .* Received: \(\(1, 4, 28, 1\), "):
        Runner(rewrite(model_copy, steps=14, lines_per_step=2, early_exit=None))


def test_refuses_a_file_without_step(model_copy: Path) -> None:
    """A manifest with states beside a file without the signature `step` is a ValueError when it is opened."""
    model = load((model_copy / "model.int8.tflite").read_bytes())
    model.signatureDefs = [signature for signature in model.signatureDefs if signature.signatureKey == b"classify"]
    with pytest.raises(ValueError, match="step"):
        Runner(vouched(model_copy, dump(model)))


def test_refuses_a_step_that_is_not_the_primary_graph(model_copy: Path) -> None:
    """A file that begins with `classify` is refused, with the inputs and outputs of what is its primary graph."""
    content = classify_first((model_copy / "model.int8.tflite").read_bytes())
    message = r"^Expected step as the file's primary graph\. Received: a graph of \[\(0, '.*crop.*'\), \(173, '.*'\)\]$"
    with pytest.raises(ValueError, match=message):
        Runner(vouched(model_copy, content))


def test_a_file_that_does_not_stream_answers_on_the_last_line(collecting: Runner, digits: Digits) -> None:
    """Without states the lines, rows or columns, are collected: nothing is said before the last, and then it is."""
    for crop in digits[0][::30]:
        for line in axis(collecting, crop)[:-1]:
            assert collecting.push(line) is None
            assert collecting.partial is None
        answer = collecting.push(axis(collecting, crop)[-1])
        assert answer is not None
        assert collecting.partial is not None
        assert same(collecting.partial, answer)
        assert same(answer, collecting.classify(crop))
        collecting.reset()
        assert collecting.partial is None


@pytest.mark.parametrize("lines", range(29))
def test_a_collected_crop_broken_off_at_any_line(lines: int, digits: Digits) -> None:
    """A collector forgets a crop that was broken off, too."""
    with Runner(MODELS / "cols2d") as runner:
        collector = Collector(runner.logits, runner.manifest)
        broken_off, crop = digits[0][[250, 40]]
        for line in broken_off[:lines]:
            collector.push(line)
        collector.reset()
        *before, last = [collector.push(line) for line in crop.T]
        assert before == [None] * 27
        assert last is not None
        assert last.tolist() == runner.logits(crop).tolist()


def test_refuses_the_29th_line(variant: str) -> None:
    """After 28 lines another is refused, the answer stays, and a reset begins the next crop."""
    with Runner(MODELS / variant) as runner:
        answer = pushed(runner, np.zeros((28, 28), np.uint8))
        with pytest.raises(RuntimeError, match=r"^Expected reset\(\) after the 28 lines of a crop\. Received: another"):
            runner.push(np.zeros(28, np.uint8))
        assert runner.partial is not None
        assert same(runner.partial, answer)
        runner.reset()
        assert same(pushed(runner, np.zeros((28, 28), np.uint8)), answer)


def test_collecting_refuses_the_29th_line(collecting: Runner) -> None:
    """A file that does not stream refuses a line too many as one that does."""
    pushed(collecting, np.zeros((28, 28), np.uint8))
    with pytest.raises(RuntimeError, match=r"^Expected reset\(\) after the 28 lines of a crop\. Received: another"):
        collecting.push(np.zeros(28, np.uint8))


def test_wrong_lines_do_not_count(variant: str, digits: Digits) -> None:
    """A line of another shape or dtype is refused, and neither the answer so far nor the one at the end changes."""
    crop = digits[0][160]
    with Runner(MODELS / variant) as runner:
        for line in np.ascontiguousarray(in_time(variant, crop)):
            so_far = runner.partial
            for wrong in (line[:27], line.astype(np.int16), line.view(np.int8), line.tolist()):
                with pytest.raises(ValueError, match=r"^Expected line <uint8>\[28\]\. Received: "):
                    runner.push(wrong)
            assert (runner.partial is None) == (so_far is None)
            assert so_far is None or (runner.partial is not None and same(runner.partial, so_far))
            last = runner.push(line)
        assert last is not None
        assert same(last, runner.classify(crop))


def test_a_lines_memory_may_be_used_again(variant: str, digits: Digits) -> None:
    """A caller that reads each line into the same array gets the answer for what the lines held when pushed."""
    crop = digits[0][160]
    line = np.empty(28, np.uint8)
    with Runner(MODELS / variant) as runner:
        for pixels in in_time(variant, crop):
            line[:] = pixels
            last = runner.push(line)
            line[:] = 77
        assert last is not None
        assert same(last, runner.classify(crop))


def test_masked_lines_are_their_pixels(variant: str, digits: Digits) -> None:
    """Lines with a mask, a subclass of NumPy's array, are read as the pixels that they hold."""
    crop = digits[0][160]
    with Runner(MODELS / variant) as runner:
        lines = in_time(variant, crop)
        *_, last = [runner.push(np.ma.masked_array(line, mask=line > 99)) for line in lines]  # type: ignore[no-untyped-call]
        assert last is not None
        assert same(last, runner.classify(crop))


class PublicInterpreter:
    """An interpreter of which only the public part is to be had."""

    def __init__(self, interpreter: Any) -> None:
        self._inner = interpreter

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"Expected a public name. Received: {name}")
        return getattr(self._inner, name)


def test_streams_by_the_public_interface(pair: Pair, digits: Digits) -> None:
    """Where a runtime's Python has other private parts, a stream gives the same logits after each step."""
    content = pair.manifest.verified_content(MODELS / pair.name)
    public = Stream(PublicInterpreter(load_interpreter(content, threads=1)[0]), pair.manifest)
    lines = in_time(pair.name, digits[0][40])
    pair.stream.reset()
    for line in lines:
        expected, received = pair.stream.push(line), public.push(line)
        assert (received is None) == (expected is None)
        assert expected is None or (received is not None and received.tolist() == expected.tolist())
