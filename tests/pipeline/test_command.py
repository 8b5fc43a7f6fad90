"""Tests of the command `python -m pipeline`, in child processes: results, messages and exit statuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.__main__ import main
from tests.conftest import MODELS
from tests.support.commands import pipeline, refused

EVALUATION = {
    "variant": "rows2d",
    "accuracy": {
        "images": 10000,
        "source": "MNIST test images",
        "float_accuracy": 0.9963,
        "int8_accuracy": 0.9951,
        "accuracy_drop_pp": 0.12,
        "agreement": 0.9978,
    },
    "file_bytes": 360144,
    "latency_us": 104.8,
}


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(EVALUATION))
    return path


def test_help_lists_the_commands(tmp_path: Path) -> None:
    """`--help` names the commands and exits 0."""
    child = pipeline(tmp_path, "--help")
    assert (child.returncode, child.stderr) == (0, "")
    assert re.findall(r"^ {4}([a-z]+) ", child.stdout, re.MULTILINE) == [
        "train",
        "sheet",
        "convert",
        "gate",
        "report",
        "field",
        "bundle",
        "table",
        "bench",
        "stream",
    ]


@pytest.mark.parametrize("arguments", [["--help"], ["convert", "--help"], ["table", "evaluation.json"]])
def test_does_without_tensorflow(evaluation: Path, arguments: list[str]) -> None:
    """Help and the table come without importing TensorFlow or Keras."""
    child = pipeline(evaluation.parent, *arguments, PYTHONPROFILEIMPORTTIME="1")
    assert child.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in child.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"tensorflow", "keras"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["prune"], "invalid choice: 'prune'"),
        (["train", "lstm"], "invalid choice: 'lstm' (choose from"),
        (["convert", "lstm"], "invalid choice: 'lstm' (choose from"),
        (["gate"], "the following arguments are required: MODEL_DIR"),
        (["bundle", "lstm"], "invalid choice: 'lstm' (choose from"),
        (["bench", "lstm"], "invalid choice: 'lstm' (choose from"),
        (["table"], "the following arguments are required: EVALUATION"),
    ],
)
def test_wrong_use_exits_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    """A command or variant that is missing or does not exist is refused, with the reason and exit status 2."""
    assert message in refused(pipeline(tmp_path, *arguments))


def test_missing_data_folder_exits_2(tmp_path: Path) -> None:
    """A data folder that does not exist is named in a single line, and nothing is made."""
    child = pipeline(tmp_path, "convert", "rows2d", "--data", "nowhere")
    expected = "error: nowhere: Expected train-images-idx3-ubyte or train-images-idx3-ubyte.gz. Found neither"
    assert refused(child) == expected
    assert child.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_data_folder_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where `--data` is not given, ROWSTREAM_DATA names the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWSTREAM_DATA", "elsewhere")
    assert main(["train", "rows2d"]) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert line.startswith("error: elsewhere: Expected train-images-idx3-ubyte")


def test_training_without_training_images_exits_2(tmp_path: Path) -> None:
    """Where MNIST is neither at hand nor to be had, `train` says why, what to give, and trains nothing."""
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    child = pipeline(tmp_path, "train", "rows2d", **home)
    line = refused(child)
    assert line.startswith("error: Training needs MNIST's training images. Received: 5,000 MNIST training images embed")
    assert line.endswith("Name a folder with the four IDX files: --data DIR, or ROWSTREAM_DATA")
    assert "MNIST could not be downloaded" in child.stderr
    assert not (tmp_path / "build").exists()
    assert not (tmp_path / "models").exists()


def test_converting_without_weights_exits_2(tmp_path: Path) -> None:
    """Where a variant has not been trained, `convert` names the weights it lacks and makes nothing."""
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert "models/rows/float.weights.h5" in refused(pipeline(tmp_path, "convert", "rows", **home))
    assert not (tmp_path / "build").exists()
    assert not (tmp_path / "models").exists()


def test_table_prints_what_convert_measured(evaluation: Path) -> None:
    """`table` prints a row for each evaluation on stdout and nothing on stderr."""
    child = pipeline(evaluation.parent, "table", "evaluation.json", "evaluation.json")
    assert (child.returncode, child.stderr) == (0, "")
    headers, _, *rows = child.stdout.splitlines()
    assert headers.startswith("variant ")
    assert [row.split()[:4] for row in rows] == [["rows2d", "99.63", "99.51", "0.12"]] * 2


def test_table_of_a_missing_file_exits_2(evaluation: Path) -> None:
    """A file that is not there is named, and the table of the others is not printed."""
    line = refused(pipeline(evaluation.parent, "table", "evaluation.json", "missing.json"))
    assert line == "error: [Errno 2] No such file or directory: 'missing.json'"


def test_table_of_no_evaluation_exits_2(evaluation: Path) -> None:
    """A file that holds no evaluation is named in a line of its own, without a traceback."""
    evaluation.write_text("{}")
    line = refused(pipeline(evaluation.parent, "table", "evaluation.json"))
    assert line.startswith("error: evaluation.json: ")


def test_bundle_prints_where_it_is(tmp_path: Path) -> None:
    """`bundle` packs a released model and prints the bundle's folder."""
    child = pipeline(MODELS.parent, "bundle", "rows2d", "--into", str(tmp_path / "dist"))
    assert (child.returncode, child.stderr) == (0, "")
    (packed,) = (tmp_path / "dist").iterdir()
    assert child.stdout == f"{packed}\n"
    assert packed.name.startswith("rowstream-rows2d-")


def test_bundling_without_a_release_exits_2(tmp_path: Path) -> None:
    """Where a variant has not been converted, `bundle` names the manifest it lacks and makes nothing."""
    assert "models/rows2d/manifest.json" in refused(pipeline(tmp_path, "bundle", "rows2d"))
    assert list(tmp_path.iterdir()) == []
