"""Tests of `device.__main__`, each in a child process."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.manifest import read_manifest
from tests.conftest import EITHER_RUNTIME, MODELS, Digits, run_python

ROWS2D = MODELS / "rows2d"
FLOATS = "Expected crops <uint8>[28, 28] or <uint8>[n, 28, 28]. Received: shape=(28, 28), dtype=float32."


def device(*arguments: str | Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    child = run_python("-m", "device", *arguments, stdout=stdout)
    assert "Traceback" not in child.stderr
    return child


def answers(child: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in child.stdout.splitlines()]


@pytest.fixture
def zero(tmp_path: Path, digits: Digits) -> Path:
    """A file with a crop that shows a nought."""
    np.save(tmp_path / "zero.npy", digits[0][0])
    return tmp_path / "zero.npy"


@pytest.fixture(params=[1, 3000])
def closed_pipe(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Crops, fewer and more than a pipe holds answers to, and a pipe that nobody reads."""
    np.save(tmp_path / "crops.npy", np.zeros((request.param, 28, 28), np.uint8))
    reading, writing = os.pipe()
    os.close(reading)
    yield tmp_path / "crops.npy", writing
    os.close(writing)


def test_answer(zero: Path) -> None:
    """A crop's answer is one line of JSON: where it came from, what it shows, how sure that is, how long it took."""
    child = device("run", "--model", ROWS2D, zero)
    assert child.returncode == 0
    (answer,) = answers(child)
    assert list(answer) == ["source", "crop", "label", "index", "probability", "top", "lines_read", "latency_ms"]
    assert (answer["source"], answer["crop"], answer["label"], answer["index"]) == (str(zero), 0, "0", 0)
    assert answer["top"][0] == ["0", answer["probability"]]
    assert len(answer["top"]) == 3
    assert answer["latency_ms"] > 0


@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_every_model_on_either_runtime(variant: str, zero: Path, runtime: str) -> None:
    """Each released model reads a nought on the runtime that was asked for, with several threads too."""
    child = device("run", "--model", MODELS / variant, "--runtime", runtime, "--threads", "2", zero)
    assert child.returncode == 0
    assert [answer["label"] for answer in answers(child)] == ["0"]


def test_files_of_every_kind(tmp_path: Path, digits: Digits) -> None:
    """Arrays, IDX files and images are read in the order of the command line, their crops in the order of the file."""
    crops = digits[0][::30]
    idx = struct.pack(">4I", 0x803, *crops.shape) + crops.tobytes()
    np.save(tmp_path / "one.npy", crops[7])
    np.save(tmp_path / "all.npy", crops)
    (tmp_path / "all-idx3-ubyte").write_bytes(idx)
    (tmp_path / "all-idx3-ubyte.gz").write_bytes(gzip.compress(idx))
    assert cv2.imwrite(str(tmp_path / "one.png"), crops[4])
    files = [tmp_path / name for name in ("all.npy", "one.npy", "all-idx3-ubyte", "one.png", "all-idx3-ubyte.gz")]
    child = device("run", "--model", ROWS2D, *files)
    assert child.returncode == 0
    read = [[answer["index"] for answer in answers(child) if answer["source"] == str(path)] for path in files]
    assert read == [read[0], [7], read[0], [4], read[0]]
    assert [answer["crop"] for answer in answers(child)] == [*range(10), 0, *range(10), 0, *range(10)]
    assert [answer["source"] for answer in answers(child)][9:12] == [str(files[0]), str(files[1]), str(files[2])]


def test_no_crops(tmp_path: Path) -> None:
    """A file with no crops in it has no answers, and that is fine."""
    np.save(tmp_path / "none.npy", np.zeros((0, 28, 28), np.uint8))
    child = device("run", "--model", ROWS2D, tmp_path / "none.npy")
    assert (child.returncode, child.stdout) == (0, "")


def test_bad_files_among_good_ones(tmp_path: Path, zero: Path) -> None:
    """A file that cannot be read costs the exit status and a message, not the answers of the others."""
    np.save(tmp_path / "floats.npy", np.zeros((28, 28), np.float32))
    (tmp_path / "idx").write_bytes(bytes.fromhex("00000803 00000001"))
    (tmp_path / "photo.png").write_bytes(b"no image")
    bad = [tmp_path / name for name in ("floats.npy", "idx", "photo.png", "nosuch.npy")]
    child = device("run", "--model", ROWS2D, zero, *bad, zero)
    assert child.returncode == 2
    assert [answer["label"] for answer in answers(child)] == ["0", "0"]
    assert [line for line in child.stderr.splitlines() if line.startswith("error: ")] == [
        f"error: {tmp_path}/floats.npy: {FLOATS}",
        f"error: {tmp_path}/idx: truncated IDX header. Expected 16 bytes. Received: 8",
        f"error: {tmp_path}/photo.png: Expected a PNG or JPEG image. Received: 8 bytes that are none",
        f"error: [Errno 2] No such file or directory: '{tmp_path}/nosuch.npy'",
    ]


@pytest.mark.parametrize("model", ["nosuch", "rows2d/nosuch.tflite"], ids=["folder", "file"])
def test_missing_model(model_copy: Path, zero: Path, model: str) -> None:
    """A model that is not there is wrong use, and the message names it."""
    child = device("run", "--model", model_copy.parent / model, zero)
    assert (child.returncode, child.stdout) == (2, "")
    assert "nosuch" in child.stderr


def test_tampered_model(model_copy: Path, zero: Path) -> None:
    """A model with a byte changed reads nothing, and the message says which hash was expected and which came."""
    content = bytearray((model_copy / "model.int8.tflite").read_bytes())
    content[1000] ^= 1
    (model_copy / "model.int8.tflite").write_bytes(content)
    child = device("run", "--model", model_copy, zero)
    assert (child.returncode, child.stdout) == (2, "")
    expected = f"model.int8.tflite: Expected SHA-256 {read_manifest(ROWS2D).file.sha256} (manifest). Received: "
    assert expected in child.stderr


def test_broken_manifest(model_copy: Path, zero: Path) -> None:
    """A manifest that is none reads nothing."""
    (model_copy / "manifest.json").write_text("{")
    child = device("run", "--model", model_copy, zero)
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr.startswith(f"error: {model_copy}/manifest.json: Expected JSON. ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("run",), "the following arguments are required: --model, CROPS"),
        (("run", "--model", "models/rows2d"), "the following arguments are required: CROPS"),
        (("fly",), "invalid choice: 'fly'"),
        (("run", "--threads", "0"), "argument --threads: Expected a whole number above 0. Received: 0"),
        (("run", "--threads", "-1"), "argument --threads: "),
        (("run", "--threads", "two"), "argument --threads: Expected a whole number above 0. Received: two"),
        (("run", "--runtime", "onnxruntime"), "argument --runtime: invalid choice: 'onnxruntime'"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], message: str) -> None:
    """A command line that makes no sense ends with 2 and says why."""
    child = device(*arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert message in child.stderr


def test_more_threads_than_can_be(zero: Path) -> None:
    """A number of threads beyond what an interpreter counts is wrong use, told in a line and not in a dump."""
    child = device("run", "--model", ROWS2D, "--threads", "99999999999", zero)
    assert (child.returncode, child.stdout) == (2, "")
    assert "threads" in child.stderr
    assert len(child.stderr) < 1000


def test_help() -> None:
    """Help goes to the standard output and names every option."""
    child = device("run", "--help")
    assert child.returncode == 0
    for name in ("--model", "--threads", "--runtime", "CROPS"):
        assert name in child.stdout


def test_nobody_reads_the_answers(closed_pipe: tuple[Path, int]) -> None:
    """A reader that has enough, as `head` has, ends the program quietly."""
    crops, pipe = closed_pipe
    child = device("run", "--model", ROWS2D, crops, stdout=pipe)
    assert child.returncode == 0
    assert "Error" not in child.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("crops", [1, 3000])
def test_full_disk(tmp_path: Path, crops: int) -> None:
    """Answers that cannot be written end the program with 2 and the reason."""
    np.save(tmp_path / "crops.npy", np.zeros((crops, 28, 28), np.uint8))
    with Path("/dev/full").open("wb") as full:
        child = device("run", "--model", ROWS2D, tmp_path / "crops.npy", stdout=full.fileno())
    assert child.returncode == 2
    assert "No space left on device" in child.stderr


def test_rows_give_the_same_answer(zero: Path) -> None:
    """Read row by row, a crop is answered as it is at once, but for the time that it takes."""
    (whole,) = answers(device("run", "--model", ROWS2D, zero))
    (by_rows,) = answers(device("run", "--model", ROWS2D, "--rows", zero))
    assert {**by_rows, "latency_ms": 0} == {**whole, "latency_ms": 0}


def test_partial_answers(zero: Path) -> None:
    """With --partial there is an answer after each time step, the last of which is the whole crop's."""
    partial = answers(device("run", "--model", ROWS2D, "--partial", zero))
    assert [answer["lines_read"] for answer in partial] == [4, 8, 12, 16, 20, 24, 28]
    assert partial[-1]["label"] == "0"


def test_early_exit_reads_no_further_than_it_must(zero: Path, model_copy: Path) -> None:
    """With --early-exit reading stops at the first answer as probable as the manifest asks."""
    manifest = json.loads((model_copy / "manifest.json").read_text())
    manifest["early_exit"]["probability"] = 0.9
    (model_copy / "manifest.json").write_text(json.dumps(manifest))
    partial = answers(device("run", "--model", model_copy, "--partial", zero))
    settled = next(answer for answer in partial if answer["probability"] >= 0.9)
    (answer,) = answers(device("run", "--model", model_copy, "--early-exit", zero))
    assert {**answer, "latency_ms": 0} == {**settled, "latency_ms": 0}
    assert (answer["label"], answer["lines_read"] < 28) == ("0", True)
