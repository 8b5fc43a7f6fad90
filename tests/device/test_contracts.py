"""Tests of the runner on models of every kind that a manifest can describe: what goes in, and what comes out."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from converters.tflite.graph import read_graphs
from device import (
    BinaryPrediction,
    ManifestError,
    MultilabelPrediction,
    Runner,
    StepsPrediction,
    ValuesPrediction,
)
from device.contract.manifest import read_manifest
from tests.support.example_models import EXAMPLES, ExampleModels, example_inputs

pytestmark = pytest.mark.slow

# All that answer whole inputs. What some have, others have too.
LIKE_OTHERS = ("columns", "state16", "mixed")
CHOSEN = [
    pytest.param(name, marks=pytest.mark.thorough) if name in LIKE_OTHERS else name
    for name in EXAMPLES
    if name != "continuous"
]


def without_latency(answer: object) -> object:
    """Returns an answer, and those of its steps, without the time that it took."""
    fields = answer._asdict()  # type: ignore[attr-defined]
    fields.pop("latency_ms")
    if "steps" in fields:
        fields["steps"] = [without_latency(step) for step in fields["steps"]]
    return fields


@pytest.mark.sampled
@pytest.mark.parametrize("name", EXAMPLES)
def test_golden(example_models: ExampleModels, name: str) -> None:
    """Each model answers its golden inputs, whole and line by line, as when it was made."""
    with Runner(example_models(name)) as runner:
        runner.golden.check_all(runner.logits, runner.step_logits)
        np.testing.assert_array_equal(runner.golden.crops, example_inputs(name, 4), strict=True)


@pytest.mark.parametrize("name", CHOSEN)
def test_pushed_equals_whole(example_models: ExampleModels, name: str) -> None:
    """What an input gives whole and line by line is equal bit for bit, and does not depend on what came before."""
    with Runner(example_models(name)) as runner:
        for one in example_inputs(name):
            whole, rows = runner.logits(one), np.stack(runner.step_logits(one))
            assert np.array_equal(rows[-1] if whole.ndim == 1 else rows, whole)
            assert without_latency(runner.read(one)) == without_latency(runner.classify(one))
            assert list(map(without_latency, (runner.partial_all or {}).values())) == [
                without_latency(answer) for answer in runner.classify_all(one).values()
            ]


@pytest.mark.parametrize("name", ["tags", "ctc"])
def test_an_answer_after_each_step(example_models: ExampleModels, name: str) -> None:
    """`push` gives each step's answer, `partial` all so far, `classify` all; each line is a step here."""
    with Runner(example_models(name)) as runner:
        one = example_inputs(name)[0]
        whole, pushed = runner.classify(one), []
        for line in runner.lines(one):
            pushed.append(runner.push(line))
            assert [step.index for step in runner.partial.steps] == [step.index for step in pushed]
        assert isinstance(whole, StepsPrediction)
        assert list(map(without_latency, whole.steps)) == list(map(without_latency, pushed))
        assert list(map(without_latency, runner.steps(one))) == list(map(without_latency, pushed))
        assert [step.lines_read for step in pushed] == list(range(1, 1 + len(runner.lines(one))))
        assert len({step.index for step in pushed}) > 1
        assert len(runner.probabilities or ()) == len(runner.manifest.labels)
        with pytest.raises(RuntimeError, match=r"^Expected reset\(\) after the \d+ lines of an? (image|sequence)\. "):
            runner.push(runner.lines(one)[0])


@pytest.mark.parametrize("name", ["ctc", "both_ways"])
def test_a_transcription_is_that_of_the_greatest_logits(example_models: ExampleModels, name: str) -> None:
    """Repeats are merged and blanks dropped, whether the answers of the steps came one by one or at the end."""
    with Runner(example_models(name)) as runner:
        texts = set()
        for one in example_inputs(name):
            best = [step.index for step in runner.classify(one).steps]
            merged = [now for before, now in zip([3, *best], best, strict=False) if now != before]
            assert runner.classify(one).text == "".join("abc"[index] for index in merged if index < 3)
            assert runner.read(one).text == runner.classify(one).text
            texts.add(runner.classify(one).text)
        assert len(texts) > 1


def test_a_file_that_does_not_stream_answers_all_steps_on_the_last_line(example_models: ExampleModels) -> None:
    """Where the network reads both ways nothing is said before the last line, then everything."""
    with Runner(example_models("both_ways")) as runner:
        one = example_inputs("both_ways")[0]
        *before, last = [runner.push(line) for line in runner.lines(one)]
        assert before == [None] * 7
        assert without_latency(last) == without_latency(runner.classify(one))
        assert [step.lines_read for step in last.steps] == [8] * 16
        assert list(map(without_latency, runner.steps(one))) == [without_latency(last)]
        assert len(runner.probabilities or ()) == 4


def test_answers_of_several_outputs(example_models: ExampleModels) -> None:
    """`classify` gives the first output's answer, `classify_all` each output's by its name."""
    with Runner(example_models("two")) as runner:
        one = example_inputs("two")[0]
        answers = runner.classify_all(one)
        assert list(answers) == ["colour", "size"]
        assert without_latency(runner.classify(one)) == without_latency(answers["colour"])
        assert isinstance(answers["size"], ValuesPrediction)
        assert answers["size"].units == "mm"
        row = runner.logits(one)
        assert row.shape == (5,)
        scale = runner.manifest.outputs[1].quantisation
        assert answers["size"].values == tuple(scale.dequantise(row[3:]).tolist())


@pytest.mark.thorough
def test_an_answer_after_each_step_beside_one_at_the_end(example_models: ExampleModels) -> None:
    """An output that answers each step and one that answers for all lines may go together."""
    with Runner(example_models("mixed")) as runner:
        one = example_inputs("mixed")[0]
        pushed = [runner.push(line) for line in runner.lines(one)]
        assert None not in pushed
        answers = runner.partial_all
        assert answers is not None
        assert list(map(without_latency, answers["colour"].steps)) == list(map(without_latency, pushed))
        assert without_latency(answers["size"]) == without_latency(runner.classify_all(one)["size"])


def test_kinds(example_models: ExampleModels) -> None:
    """An answer's class is that of its output's kind, and differs between inputs."""
    kinds = {"binary": BinaryPrediction, "multilabel": MultilabelPrediction, "values": ValuesPrediction}
    for name, kind in kinds.items():
        with Runner(example_models(name)) as runner:
            answers = [runner.classify(one) for one in example_inputs(name)]
        assert {type(answer) for answer in answers} == {kind}
        assert len({answer[:2] for answer in answers}) > 4
        assert {answer.lines_read for answer in answers} == {10}


def test_a_long_sequence_has_no_classify(example_models: ExampleModels) -> None:
    """A file with `step` alone answers whole sequences too, also while another is pushed."""
    with Runner(example_models("long")) as runner:
        content = runner.manifest.verified_content(example_models("long"))
        assert [graph.signature for graph in read_graphs(content)] == ["step"]
        one, other = example_inputs("long")[:2]
        for line in one:
            last = runner.push(line)
            whole = runner.classify(other)
        assert without_latency(last) == without_latency(runner.classify(one))
        assert without_latency(whole) == without_latency(runner.classify(other))
        assert whole.lines_read == 70


def test_a_continuous_model_answers_each_step_and_goes_on(example_models: ExampleModels) -> None:
    """It takes more lines than an input has, keeps its states, and begins again only when it is reset."""
    lines = example_inputs("continuous").reshape(48, 3)
    with Runner(example_models("continuous")) as runner:
        answers = [runner.push(line) for line in lines]
        assert None not in answers
        assert [answer.lines_read for answer in answers] == list(range(1, 49))
        assert without_latency(runner.partial) == without_latency(answers[-1])
        alone = list(runner.steps(lines[42:]))
        assert alone[-1].probability != answers[-1].probability
        runner.reset()
        assert [runner.push(line).probability for line in lines] == [answer.probability for answer in answers]


def test_a_continuous_model_refuses_whole_inputs(example_models: ExampleModels) -> None:
    """There is no whole input to classify, so the message names what to use."""
    with Runner(example_models("continuous")) as runner:
        for classify in (runner.classify, runner.classify_all):
            with pytest.raises(RuntimeError, match=r"^Expected lines one by one, .*: use push\. Received: an input$"):
                classify(example_inputs("continuous")[0])


@pytest.mark.parametrize("name", ["sequence", "both_ways", "rgb"])
def test_refused_lines_do_not_count(example_models: ExampleModels, name: str) -> None:
    """A line of another shape or dtype, or with NaN, changes nothing, whether a file streams or not."""
    with Runner(example_models(name)) as runner:
        one = example_inputs(name)[0]
        for line in runner.lines(one):
            wrong = [line[:-1], line.astype(np.float64)]
            if line.dtype == np.float32:
                wrong.append(np.full_like(line, np.nan))
            for each in wrong:
                with pytest.raises(ValueError, match=r"^Expected line <(uint8|float32)>\["):
                    runner.push(each)
            last = runner.push(line)
        assert without_latency(last) == without_latency(runner.classify(one))


def test_a_scale_that_is_not_the_networks_is_refused(example_models: ExampleModels, tmp_path: Path) -> None:
    """A manifest that states other pixels than its file's input has is refused when it is opened."""
    folder = shutil.copytree(example_models("rgb"), tmp_path / "rgb")
    manifest = read_manifest(folder)
    dataclasses.replace(manifest, input=dataclasses.replace(manifest.input, pixels=(0.0, 255.0))).write(folder)
    with pytest.raises(ValueError, match=r"^Expected an input that gives pixels in 0\.\.255 \(manifest\)\. Received: "):
        Runner(folder)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 10, 3), r"of shape \[1, classes\]\. Received: \[1, 10, 3\]"), ((2, 3), r"of shape \[1, classes\]")],
)
def test_outputs_without_answers_are_refused(
    example_models: ExampleModels, tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    """A manifest whose output has another shape than its answers is refused when it is opened."""
    folder = shutil.copytree(example_models("tags"), tmp_path / "tags")
    manifest = read_manifest(folder)
    output = dataclasses.replace(manifest.output, shape=shape, per_step=False)
    dataclasses.replace(manifest, outputs=(output,)).write(folder)
    with pytest.raises(ManifestError, match=rf"^Expected logits {message}"):
        Runner(folder)
