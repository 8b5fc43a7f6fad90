"""Tests of the commands on models of other images and of sequences, each in a child process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.runner import Runner
from tests.conftest import run_python
from tests.support.example_models import EXAMPLES, ExampleModels, example_inputs
from tests.support.served import RAW, png, served

pytestmark = pytest.mark.slow


def device(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    child = run_python("-m", "device", *arguments)
    assert "Traceback" not in child.stderr
    return child


def answers(child: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert child.returncode == 0, child.stderr
    return [json.loads(line) for line in child.stdout.splitlines()]


@pytest.mark.sampled
@pytest.mark.parametrize("name", EXAMPLES)
def test_verify(example_models: ExampleModels, name: str) -> None:
    """A model of any kind passes by its golden inputs."""
    child = device("verify", example_models(name))
    assert child.returncode == 0, child.stdout
    assert ": passed: 4 golden inputs, whole and line by line, on ai-edge-litert " in child.stdout


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("rgb", ["label", "index", "probability", "top", "lines_read", "latency_ms"]),
        pytest.param(
            "state16",
            ["label", "index", "probability", "top", "lines_read", "latency_ms"],
            marks=pytest.mark.thorough,
        ),
        ("binary", ["label", "probability", "lines_read", "latency_ms"]),
        ("multilabel", ["labels", "probabilities", "lines_read", "latency_ms"]),
        ("values", ["values", "units", "lines_read", "latency_ms"]),
        ("ctc", ["steps", "text", "lines_read", "latency_ms"]),
        ("two", ["outputs"]),
    ],
)
def test_classify(example_models: ExampleModels, tmp_path: Path, name: str, fields: list[str]) -> None:
    """Each input of an array gets a line with the fields of its kind, the same whole and line by line."""
    np.save(tmp_path / "inputs.npy", example_inputs(name))
    whole = answers(device("classify", "--model", example_models(name), tmp_path / "inputs.npy"))
    assert [answer["input"] for answer in whole] == list(range(8))
    assert [list(answer) for answer in whole] == 8 * [["source", "input", *fields]]
    by_line = answers(device("classify", "--by-line", "--model", example_models(name), tmp_path / "inputs.npy"))
    assert list(map(without_times, by_line)) == list(map(without_times, whole))


def without_times(fields: Any) -> Any:
    if isinstance(fields, dict):
        return {name: without_times(value) for name, value in fields.items() if name != "latency_ms"}
    return [without_times(each) for each in fields] if isinstance(fields, list) else fields


def test_an_image_in_colours(example_models: ExampleModels, tmp_path: Path) -> None:
    """A PNG file of the model's size is read as red, green and blue."""
    image = example_inputs("rgb")[0]
    assert cv2.imwrite(str(tmp_path / "image.png"), image[..., ::-1])
    (answer,) = answers(device("classify", "--model", example_models("rgb"), tmp_path / "image.png"))
    with Runner(example_models("rgb")) as runner:
        assert answer["probability"] == runner.classify(image).probability
    assert cv2.imwrite(str(tmp_path / "other.png"), image[1:])
    child = device("classify", "--model", example_models("rgb"), tmp_path / "other.png")
    assert child.returncode == 2
    assert "Expected images <uint8>[12, 10, 3] or <uint8>[n, 12, 10, 3]. Received: shape=(11, 10, 3)," in child.stderr


@pytest.mark.sampled
@pytest.mark.parametrize("names", ["", "a,b,c,d,e,f,g,h\n"])
def test_a_sequence_as_csv(example_models: ExampleModels, tmp_path: Path, names: str) -> None:
    """A CSV file holds a sequence, a line for each time step, with or without names above."""
    sequence = example_inputs("sequence")[0]
    text = names + "\n".join(",".join(map(repr, map(float, line))) for line in sequence)
    (tmp_path / "window.csv").write_text(text)
    (answer,) = answers(device("classify", "--model", example_models("sequence"), tmp_path / "window.csv"))
    with Runner(example_models("sequence")) as runner:
        assert answer["probability"] == runner.classify(sequence).probability


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("1,2\n3,4\n", "Expected sequences <float32>[20, 8] or <float32>[n, 20, 8]. Received: shape=(2, 2)"),
        ("1,2\n3\n", "Expected .npy or CSV, numbers in lines of equal length. "),
        (
            "1,2\n3,x\n",
            "Expected .npy or CSV, numbers in lines of equal length. could not convert string to float: 'x'",
        ),
        ("", "Expected sequences <float32>[20, 8] or <float32>[n, 20, 8]. Received: shape=(0,)"),
        (20 * "1,2,3,4,5,6,7,nan\n", "Expected sequences of numbers. Received: NaN"),
    ],
)
def test_refused_sequences(example_models: ExampleModels, tmp_path: Path, content: str, reason: str) -> None:
    """Another number of lines or columns, text, and NaN are refused with the file's name, and the next file is read."""
    (tmp_path / "window.csv").write_text(content)
    np.save(tmp_path / "good.npy", example_inputs("sequence")[0])
    files = tmp_path / "window.csv", tmp_path / "good.npy"
    child = device("classify", "--model", example_models("sequence"), *files)
    assert child.returncode == 2
    assert child.stderr.startswith(f"error: {files[0]}: {reason}")
    assert json.loads(child.stdout)["source"] == str(files[1])


def test_a_continuous_model_answers_after_each_step(example_models: ExampleModels, tmp_path: Path) -> None:
    """There is a line for each time step of a file, as with --partial."""
    np.save(tmp_path / "inputs.npy", example_inputs("continuous")[:2])
    lines = answers(device("classify", "--model", example_models("continuous"), tmp_path / "inputs.npy"))
    assert [line["lines_read"] for line in lines] == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]


def test_watch_reads_whole_frames(example_models: ExampleModels, tmp_path: Path) -> None:
    """A model of other images than digits reads each frame, scaled to its input, and the box is the frame."""
    image = example_inputs("rgb")[0]
    large = cv2.resize(np.ascontiguousarray(image[..., ::-1]), (40, 48), interpolation=cv2.INTER_NEAREST)
    assert cv2.imwrite(str(tmp_path / "image.png"), large)
    (line,) = answers(device("watch", "--model", example_models("rgb"), tmp_path / "image.png"))
    with Runner(example_models("rgb")) as runner:
        expected = runner.classify(image)
    assert (line["box"], line["label"], line["probability"]) == ([0, 0, 40, 48], expected.label, expected.probability)


@pytest.mark.parametrize(
    ("name", "received"), [("sequence", "a sequence with classes"), ("ctc", "an image with steps of classes")]
)
def test_watch_refuses_other_models(example_models: ExampleModels, tmp_path: Path, name: str, received: str) -> None:
    """A model that gives an image no single class is refused before a frame is read."""
    assert cv2.imwrite(str(tmp_path / "image.png"), np.zeros((9, 9), np.uint8))
    child = device("watch", "--model", example_models(name), tmp_path / "image.png")
    expected = "error: Expected a model that gives an image one of its classes. Received: "
    assert (child.returncode, child.stderr) == (2, f"{expected}{received}\n")


def test_serve_answers_programs(example_models: ExampleModels) -> None:
    """Models of other images get PNG files, scaled, or bytes; there is no page."""
    image = example_inputs("rgb")[0]
    with served(model=example_models("rgb")) as server, Runner(example_models("rgb")) as runner:
        expected = runner.classify(image)
        large = cv2.resize(np.ascontiguousarray(image[..., ::-1]), (40, 48), interpolation=cv2.INTER_NEAREST)
        for response in (server.classify(png(large)), server.classify(image.tobytes(), RAW)):
            assert (response.status, response.json["probability"]) == (200, expected.probability)
        model = server.ask("/model").json
        assert (model["digits"], model["kind"], model["shape"]) == (False, "image", [12, 10, 3])
        assert server.ask("/").status == 404
        schema = server.ask("/openapi.json").json["paths"]["/classify"]["post"]["responses"]["200"]
        assert schema["content"]["application/json"]["schema"]["type"] == "object"
        response = server.classify(bytes(359), RAW)
        assert response.status == 400
        assert response.json == {"error": "Expected an image of 360 bytes, <uint8>[12, 10, 3]. Received: 359"}


def test_serve_answers_sequences(example_models: ExampleModels) -> None:
    """A sequence is sent as little-endian float32; a PNG file and NaN are refused."""
    one = example_inputs("two")[0]
    with served(model=example_models("two")) as server, Runner(example_models("two")) as runner:
        response = server.classify(one.astype("<f4").tobytes(), RAW)
        assert response.json["outputs"]["size"]["values"] == list(runner.classify_all(one)["size"].values)
        assert response.json["outputs"]["colour"]["label"] == runner.classify(one).label
        nan = np.full_like(one, np.nan)
        refused = server.classify(png(np.zeros((9, 9), np.uint8))), server.classify(nan.tobytes(), RAW)
        assert [response.status for response in refused] == [400, 400]
        assert [response.json["error"] for response in refused] == [
            "Expected a sequence as application/octet-stream. Received: image/png",
            "Expected sequence <float32>[10, 4] of numbers. Received: NaN",
        ]


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("continuous", (), "Expected a model of whole inputs to serve. Received: example-continuous"),
        ("rgb", ("--source",), "Expected a model of digits to show a source. Received: example-rgb"),
    ],
)
def test_serve_refuses_other_models(
    example_models: ExampleModels, tmp_path: Path, name: str, more: tuple[str, ...], reason: str
) -> None:
    """A continuous model, and a source for a model that is not one of digits, are refused."""
    assert cv2.imwrite(str(tmp_path / "image.png"), np.zeros((9, 9), np.uint8))
    source = [*more, str(tmp_path / "image.png")] if more else []
    child = device("serve", "0", "--model", example_models(name), *source)
    assert child.returncode == 2
    assert f"error: {reason}\n" in child.stderr
