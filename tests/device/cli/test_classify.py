"""Tests of `python -m device classify`, each in a child process."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.contract.manifest import read_manifest
from tests.conftest import EITHER_RUNTIME, MODELS, ROOT, Digits, run_python

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


def test_answer(zero: Path) -> None:
    """A crop's answer is one line of JSON: where it came from, what it shows, how sure that is, how long it took."""
    child = device("classify", "--model", ROWS2D, zero)
    assert child.returncode == 0
    (answer,) = answers(child)
    assert list(answer) == ["source", "crop", "label", "index", "probability", "top", "lines_read", "latency_ms"]
    assert (answer["source"], answer["crop"], answer["label"], answer["index"]) == (str(zero), 0, "0", 0)
    assert answer["top"][0] == ["0", answer["probability"]]
    assert len(answer["top"]) == 3
    assert answer["latency_ms"] > 0


@pytest.mark.sampled
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_every_model_on_either_runtime(variant: str, zero: Path, runtime: str) -> None:
    """Each released model reads a nought on the runtime that was asked for, with several threads too."""
    child = device("classify", "--model", MODELS / variant, "--runtime", runtime, "--threads", "2", zero)
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
    child = device("classify", "--model", ROWS2D, *files)
    assert child.returncode == 0
    read = [[answer["index"] for answer in answers(child) if answer["source"] == str(path)] for path in files]
    assert read == [read[0], [7], read[0], [4], read[0]]
    assert [answer["crop"] for answer in answers(child)] == [*range(10), 0, *range(10), 0, *range(10)]
    assert [answer["source"] for answer in answers(child)][9:12] == [str(files[0]), str(files[1]), str(files[2])]


def test_no_crops(tmp_path: Path) -> None:
    """A file with no crops in it has no answers, and that is fine."""
    np.save(tmp_path / "none.npy", np.zeros((0, 28, 28), np.uint8))
    child = device("classify", "--model", ROWS2D, tmp_path / "none.npy")
    assert (child.returncode, child.stdout) == (0, "")


def test_bad_files_among_good_ones(tmp_path: Path, zero: Path) -> None:
    """A file that cannot be read costs the exit status and a message, not the answers of the others."""
    np.save(tmp_path / "floats.npy", np.zeros((28, 28), np.float32))
    (tmp_path / "idx").write_bytes(bytes.fromhex("00000803 00000001"))
    (tmp_path / "photo.png").write_bytes(b"no image")
    bad = [tmp_path / name for name in ("floats.npy", "idx", "photo.png", "nosuch.npy")]
    child = device("classify", "--model", ROWS2D, zero, *bad, zero)
    assert child.returncode == 2
    assert [answer["label"] for answer in answers(child)] == ["0", "0"]
    assert [line for line in child.stderr.splitlines() if line.startswith("error: ")] == [
        f"error: {tmp_path}/floats.npy: {FLOATS}",
        f"error: {tmp_path}/idx: truncated IDX header. Expected 16 bytes. Received: 8",
        f"error: {tmp_path}/photo.png: Expected an image. Received: 8 bytes in no known image format",
        f"error: [Errno 2] No such file or directory: '{tmp_path}/nosuch.npy'",
    ]


@pytest.mark.sampled
@pytest.mark.parametrize("model", ["nosuch", "rows2d/nosuch.tflite"], ids=["folder", "file"])
def test_missing_model(model_copy: Path, zero: Path, model: str) -> None:
    """A model that is not there is wrong use, and the message names it."""
    child = device("classify", "--model", model_copy.parent / model, zero)
    assert (child.returncode, child.stdout) == (2, "")
    assert "nosuch" in child.stderr


def test_tampered_model(model_copy: Path, zero: Path) -> None:
    """A model with a byte changed reads nothing, and the message says which hash was expected and which came."""
    content = bytearray((model_copy / "model.int8.tflite").read_bytes())
    content[1000] ^= 1
    (model_copy / "model.int8.tflite").write_bytes(content)
    child = device("classify", "--model", model_copy, zero)
    assert (child.returncode, child.stdout) == (2, "")
    expected = f"model.int8.tflite: Expected SHA-256 {read_manifest(ROWS2D).file.sha256} (manifest). Received: "
    assert expected in child.stderr


def test_broken_manifest(model_copy: Path, zero: Path) -> None:
    """A manifest that is not JSON is refused, and nothing is read."""
    (model_copy / "manifest.json").write_text("{")
    child = device("classify", "--model", model_copy, zero)
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr.startswith(f"error: {model_copy}/manifest.json: Expected JSON. ")


@pytest.mark.sampled
@pytest.mark.parametrize("folder", ["model", "models/rows2d"])
def test_the_default_model(tmp_path: Path, zero: Path, folder: str) -> None:
    """Without --model, the folder `model` or `models/rows2d` is the model, where there is one."""
    (tmp_path / "here" / folder).parent.mkdir(parents=True)
    (tmp_path / "here" / folder).symlink_to(ROWS2D)
    (tmp_path / "here" / "device").symlink_to(ROOT / "device")
    child = run_python("-m", "device", "classify", zero, folder=tmp_path / "here")
    assert [answer["label"] for answer in answers(child)] == ["0"]


def test_no_default_model(tmp_path: Path, zero: Path) -> None:
    """Where neither folder exists, the message asks for --model."""
    (tmp_path / "device").symlink_to(ROOT / "device")
    child = run_python("-m", "device", "classify", zero, folder=tmp_path)
    message = "error: Expected a model's folder. Received none, and there is no folder model or models/rows2d\n"
    assert (child.returncode, child.stderr) == (2, message)


def test_an_inverted_crop_is_warned_of_once(tmp_path: Path, digits: Digits) -> None:
    """Dark digits on white are read as they are, with one warning that says what was expected and what to do."""
    crops = np.concatenate([digits[0][:1], 255 - digits[0][:2]])
    np.save(tmp_path / "crops.npy", crops)
    child = device("classify", "--model", ROWS2D, tmp_path / "crops.npy", tmp_path / "crops.npy")
    assert (child.returncode, len(answers(child))) == (0, 6)
    assert child.stderr == (
        f"warning: {tmp_path}/crops.npy: crop 1 looks inverted: most of its border is bright. Expected light ink (255) "
        "on a dark background (0). Invert it, or give its image to `watch IMAGE --one`\n"
    )


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("README.md", "README.md: Expected a model's folder, or the .tflite file in it. Received another file"),
        ("models", "models/manifest.json: Expected the manifest of a model. Found none"),
    ],
)
def test_what_is_no_model_is_refused_by_name(zero: Path, model: str, message: str) -> None:
    """A file that is no model, or a folder without one, is named with what was expected."""
    child = device("classify", "--model", model, zero)
    assert (child.returncode, child.stdout, child.stderr) == (2, "", f"error: {message}\n")


@pytest.mark.thorough
def test_nothing_but_answers(zero: Path) -> None:
    """Where all is well, nothing is on stderr: the runtime's own words are kept off it."""
    for options in ((), ("--by-line",)):
        child = device("classify", "--model", ROWS2D, *options, zero)
        assert (child.returncode, child.stderr) == (0, "")


@pytest.mark.thorough
def test_run_is_an_alias(zero: Path) -> None:
    """The old command `run` reads crops as `classify` does, and names it; --rows is --by-line."""
    child = device("run", "--model", ROWS2D, "--rows", "--partial", zero)
    assert child.returncode == 0
    assert len(answers(child)) == 7
    assert child.stderr == "warning: `run` is deprecated and will be removed in the next version; use `classify`\n"


def test_help() -> None:
    """Help goes to the standard output and names every option."""
    child = device("classify", "--help")
    assert child.returncode == 0
    for name in ("--model", "--threads", "--runtime", "FILE"):
        assert name in child.stdout


def test_by_line_gives_the_same_answer(zero: Path) -> None:
    """Read line by line, a crop is answered as it is at once, but for the time that it takes."""
    (whole,) = answers(device("classify", "--model", ROWS2D, zero))
    (by_line,) = answers(device("classify", "--model", ROWS2D, "--by-line", zero))
    assert {**by_line, "latency_ms": 0} == {**whole, "latency_ms": 0}


def test_partial_answers(zero: Path) -> None:
    """With --partial there is an answer after each time step, the last of which is the whole crop's."""
    partial = answers(device("classify", "--model", ROWS2D, "--partial", zero))
    assert [answer["lines_read"] for answer in partial] == [4, 8, 12, 16, 20, 24, 28]
    assert partial[-1]["label"] == "0"


def test_early_exit_reads_no_further_than_it_must(zero: Path, model_copy: Path) -> None:
    """With --early-exit reading stops at the first answer as probable as the manifest asks."""
    manifest = json.loads((model_copy / "manifest.json").read_text())
    manifest["early_exit"]["probability"] = 0.9
    (model_copy / "manifest.json").write_text(json.dumps(manifest))
    partial = answers(device("classify", "--model", model_copy, "--partial", zero))
    settled = next(answer for answer in partial if answer["probability"] >= 0.9)
    (answer,) = answers(device("classify", "--model", model_copy, "--early-exit", zero))
    assert {**answer, "latency_ms": 0} == {**settled, "latency_ms": 0}
    assert (answer["label"], answer["lines_read"] < 28) == ("0", True)
