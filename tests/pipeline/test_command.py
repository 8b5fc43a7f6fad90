"""Tests of the command `python -m pipeline`, in child processes: results, messages and exit statuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import device
from pipeline.__main__ import main
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.own.recipe import read_recipe
from tests.conftest import MODELS, Digits
from tests.support.commands import pipeline, refused
from tests.support.verdicts import write_verdict

LIMITS = str(MODELS / "limits.toml")
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
    "fidelity": {
        "output": "logits",
        "signal_to_noise_db": 31.25,
        "float_mean_error": None,
        "int8_mean_error": None,
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
    """`--help` names the commands that users need."""
    child = pipeline(tmp_path, "--help")
    assert (child.returncode, child.stderr) == (0, "")
    commands = (
        "train convert init sweep gate release report bench bench-scaling bundle export-c wheel keys rotate sign fleet"
    )
    commands += " robustness compare demo doctor calibration-sheet evaluate-photos"
    assert re.findall(r"^ {4}([a-z-]+)(?= |$)", child.stdout, re.MULTILINE) == commands.split()


def test_version_is_the_packages(tmp_path: Path) -> None:
    child = pipeline(tmp_path, "--version")
    assert (child.returncode, child.stdout) == (0, f"rowstream {device.__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["convert", "--help"], ["table", "evaluation.json"]])
def test_does_without_tensorflow(evaluation: Path, arguments: list[str]) -> None:
    """Help and the table come without importing TensorFlow or Keras."""
    child = pipeline(evaluation.parent, *arguments, PYTHONPROFILEIMPORTTIME="1")
    assert child.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in child.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"tensorflow", "keras"}


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["prune"], "invalid choice: 'prune'"),
        (["demo", "lstm"], "invalid choice: 'lstm' (choose from"),
        (["convert", "lstm"], "Expected the data of lstm: --data FOLDER, FILE or MODULE:FUNCTION"),
        (["convert", "rows", "--name", "mine"], "Expected no --name for the variant rows"),
        (["convert", "rows", "--task", "classes"], "Expected no --task for the variant rows"),
        (["convert", "rows", "--seed", "0"], "Expected no --seed for the variant rows"),
        (["convert", "net.keras"], "Expected the data of net.keras: --data FOLDER, FILE or MODULE:FUNCTION"),
        (["convert", "net.keras", "--data", ""], "Expected the data of net.keras: --data FOLDER, FILE or MODULE:FUN"),
        (["convert", "net.keras", "--data", "x.npz", "--name", "../x"], "Expected --name "),
        (["convert", "net.keras", "--data", "x.npz", "--name", "rows"], "Expected --name "),
        (["convert", "net.keras", "--data", "x.npz", "--task", "class"], "invalid choice: 'class' (choose from"),
        (["release", "lstm"], "Expected a variant or the name of a folder in build/ or models/. Received: 'lstm'"),
        (["gate"], "the following arguments are required: MODEL_DIR"),
        (["table"], "the following arguments are required: EVALUATION"),
        (["demo", "rows", "--digit", "-1"], "Expected --digit >= 0 and --pause-ms >= 0. Received: -1 and 60.0"),
        (["demo", "rows", "--pause-ms", "inf"], "Expected --digit >= 0 and --pause-ms >= 0. Received: 3200 and inf"),
        (
            ["doctor", "net.py:build", "--input", "28,0"],
            "Expected --input of sizes >= 1, as 28,28,1. Received",
        ),
        (["doctor", "net.py:build", "--input", "wide"], "argument --input: invalid sizes value: 'wide'"),
        (["robustness", "rows2d", "--images", "0"], "Expected --images >= 1. Received: 0"),
        (["compare", "--pictures", "0"], "Expected --pictures >= 1. Received: 0"),
        (["evaluate-photos", "m", "p", "--label-field", "-1"], "Expected --label-field >= 0. Received: -1"),
    ],
)
def test_wrong_use_exits_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    """A wrong command, variant or option is refused with the reason and exit status 2."""
    assert message in refused(pipeline(tmp_path, *arguments))


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "rows", "--data", "nowhere"], "nowhere: Expected train-images-idx3-ubyte"),
        (["train", "rows", "--kept", "nowhere"], "nowhere: Expected a file or folder. Found none"),
        (["train", "rows", "--fonts", "nowhere"], "nowhere: Expected a file or folder. Found none"),
        (["calibration-sheet", "--fonts", "nowhere"], "nowhere: Expected a file or folder. Found none"),
        (["convert", "rows"], "Found neither: make train"),
        (
            ["convert", "nowhere.keras", "--data", "x"],
            "nowhere.keras: Expected a .keras file, an .h5 file, a Saved",
        ),
        (["convert", "nowhere.toml"], "nowhere.toml"),
        (["convert", "broken.toml"], "broken.toml: Expected ']' at the end of a table declaration"),
        (["train", "nowhere.toml"], "nowhere.toml"),
        (["convert", "own.toml", "--data", "x"], "Expected no --data for the recipe own.toml, which says it"),
        (["train", "own.toml", "--data", "x"], "Expected --data with one of rows2d, cols2d, conv1d, rows, fast, tiny."),
        (["train", "own.toml", "--fonts", "x"], "Expected --fonts with one of rows2d, cols2d, conv1d, rows, fast, "),
        (["gate", "nowhere"], "nowhere/manifest.json"),
        (["gate", str(MODELS / "rows"), "--limits", "nowhere.toml"], "nowhere.toml"),
        (["gate", str(MODELS / "rows"), "--limits", "broken.toml"], "broken.toml: Expected TOML."),
        (["gate", str(MODELS / "rows"), "--limits", LIMITS, "--data", "nowhere"], "nowhere: Expected train-im"),
        (["release", "rows"], "build/rows: Expected a candidate. Found none: run `make convert gate` first"),
        (["report", "rows"], "Expected build/rows/gate/gate.json. Found none"),
        (["bench", "rows"], "models/rows/manifest.json"),
        (["bundle", "rows"], "models/rows/manifest.json"),
        (["demo", "rows"], "models/rows/manifest.json"),
        (["doctor", "nowhere.keras"], "nowhere.keras: Expected a .keras file, an .h5 file, a SavedModel folder, or"),
        (["doctor", "broken.toml"], "Received: a file that begins with b'[default"),
        (["doctor", "nowhere.py:build"], "nowhere.py: Expected a Python file. Found none"),
        (["doctor", "module:build", "--data", "nowhere.npy"], "nowhere.npy: Expected a file or folder. Found none"),
        (["doctor", "module:build", "--data", "broken.toml"], "broken.toml: Expected a NumPy array file."),
        (["evaluate-photos", "nowhere", "photos"], "nowhere: Expected a model's folder"),
    ],
)
def test_a_wrong_path_is_answered_before_anything_heavy_is_imported(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "broken.toml").write_text("[default\n")
    (tmp_path / "own.toml").write_text('[network]\nsource = "net.keras"\n[data]\nsource = "x.npz"\n')
    child = pipeline(tmp_path, *arguments, PYTHONPROFILEIMPORTTIME="1")
    assert message in refused(child)
    imported = {line.rpartition("|")[2].strip() for line in child.stderr.splitlines() if line.startswith("import time")}
    assert not imported & {"tensorflow", "keras", "scipy", "matplotlib.pyplot", "pandas"}
    assert not (tmp_path / "build").exists()


def test_a_digit_beyond_the_embedded_ones_is_refused() -> None:
    """`demo` names the range of `--digit` instead of showing another digit."""
    line = refused(pipeline(MODELS.parent, "demo", "rows2d", "--digit", "4488"))
    assert line == "error: Expected --digit of 0 to 4,487. Received: 4,488"


@pytest.mark.thorough
def test_photos_of_what_is_no_class_are_refused(tmp_path: Path) -> None:
    """A name whose label the model does not know is named with the labels there are, unless `--no-digit` says it."""
    cv2.imwrite(str(tmp_path / "x_1.png"), np.full((64, 64), 255, np.uint8))
    photos = ("evaluate-photos", str(MODELS / "rows2d"), "x_1.png")
    line = refused(pipeline(tmp_path, *photos))
    labels = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert line == f"error: x_1.png: Expected one of the labels {labels}, or that of --no-digit. Received: x"
    assert pipeline(tmp_path, *photos, "--no-digit", "x").returncode == 0
    assert pipeline(tmp_path, *photos, "--label-field", "1").returncode == 0


def test_photos_are_sorted_by_folders_and_the_unreadable_are_counted(tmp_path: Path, digits: Digits) -> None:
    """A folder per class is read with `--label-folders`; a photo that is no image is named, and the others are read."""
    digit = cv2.resize(digits[0][np.flatnonzero(digits[1] == 7)[0]], (84, 84))
    for name in ("7", "none"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "7" / "seven.png"), 255 - digit)
    cv2.imwrite(str(tmp_path / "none" / "blank.png"), np.full((84, 84), 200, np.uint8))
    (tmp_path / "7" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0broken")
    child = pipeline(tmp_path, "evaluate-photos", str(MODELS / "rows2d"), ".", "--label-folders", "--no-digit", "none")
    assert child.returncode == 0
    assert "7/broken.jpg" in child.stderr
    row = child.stdout.splitlines()[-1].split()
    assert row == [".", "1", "100.0", "100.0", "100.0", "0.0", "1", "100.0", "1"]


def test_missing_limits_are_refused_without_any_data(tmp_path: Path) -> None:
    """Every missing limit is named at once; that takes neither data nor TensorFlow."""
    (tmp_path / "empty.toml").touch()
    child = pipeline(tmp_path, "gate", str(MODELS / "rows"), "--limits", "empty.toml", "--data", "nowhere")
    assert child.returncode == 1
    assert "limits complete" in child.stdout
    assert "images_min" in child.stdout
    assert "file_bytes_max" in child.stdout


def test_a_closed_pipe_ends_quietly() -> None:
    """`python -m pipeline demo rows2d | head -n 1` prints one line and no error."""
    command = f"{sys.executable} -m pipeline demo rows2d --pause-ms 0 | head -n 1; exit ${{PIPESTATUS[0]}}"
    bash = [str(shutil.which("bash")), "-c", command]
    child = subprocess.run(bash, cwd=MODELS.parent, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout.count("\n")) == (0, 1)
    assert [line for line in child.stderr.splitlines() if "XNNPACK" not in line] == []


def test_missing_data_folder_exits_2(tmp_path: Path) -> None:
    """A data folder that does not exist is named in a single line, and nothing is made."""
    child = pipeline(tmp_path, "train", "rows2d", "--data", "nowhere")
    expected = "error: nowhere: Expected train-images-idx3-ubyte or train-images-idx3-ubyte.gz. Found neither"
    assert refused(child) == expected
    assert child.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_data_folder_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without `--data`, ROWSTREAM_DATA names the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWSTREAM_DATA", "elsewhere")
    assert main(["train", "rows2d"]) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert line.startswith("error: elsewhere: Expected train-images-idx3-ubyte")


def test_an_own_network_takes_no_data_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ROWSTREAM_DATA has digits; an own network is converted with its own data or not at all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWSTREAM_DATA", "elsewhere")
    assert main(["convert", "net.keras"]) == 2
    assert capsys.readouterr().err == "error: Expected the data of net.keras: --data FOLDER, FILE or MODULE:FUNCTION\n"


def test_a_seed_of_0_is_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes into the recipe as any other."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "net.keras", "--data", "x.npz", "--seed", "0"]) == 0
    assert read_recipe(tmp_path / "recipe.toml").data.seed == 0


@pytest.mark.thorough
def test_training_without_training_images_exits_2(tmp_path: Path) -> None:
    """Without MNIST and network, `train` says why it cannot train, and what to do."""
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    child = pipeline(tmp_path, "train", "rows2d", **home)
    line = refused(child)
    assert line.startswith("error: Training needs MNIST's training images. Received: 5,000 MNIST training images embed")
    assert line.endswith("Name a folder with the four IDX files: --data DIR, or ROWSTREAM_DATA")
    assert "MNIST could not be downloaded" in child.stderr
    assert not (tmp_path / "build").exists()
    assert not (tmp_path / "models").exists()


def test_converting_without_weights_names_both_places(tmp_path: Path) -> None:
    line = refused(pipeline(tmp_path, "convert", "rows"))
    places = "build/rows/train/float.weights.h5 or models/rows/float.weights.h5"
    assert line == f"error: Expected float weights of rows: {places}. Found neither: make train"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_weights_just_trained_are_converted(tmp_path: Path) -> None:
    """Weights in `build/<variant>/train` come before the released ones; here they belong to another variant."""
    for folder, variant in (("models/rows", "rows"), ("build/rows/train", "conv1d")):
        (tmp_path / folder).mkdir(parents=True)
        shutil.copy(MODELS / variant / "float.weights.h5", tmp_path / folder)
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    child = pipeline(tmp_path, "convert", "rows", **home)
    assert child.returncode == 2
    assert "error: build/rows/train/float.weights.h5: Expected the float network rows." in child.stderr


@pytest.mark.thorough
def test_releasing_what_was_not_judged_exits_1(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "rows", tmp_path / "build" / "rows")
    (tmp_path / "models").mkdir()
    shutil.copy(MODELS / "limits.toml", tmp_path / "models")
    child = pipeline(tmp_path, "release", "rows")
    assert (child.returncode, child.stdout) == (1, "")
    assert child.stderr == "refused: build/rows: the gate has not evaluated it: make gate\n"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["limits.toml"]


def test_table_prints_what_convert_measured(evaluation: Path) -> None:
    """`table` prints a row for each evaluation."""
    child = pipeline(evaluation.parent, "table", "evaluation.json", "evaluation.json")
    assert (child.returncode, child.stderr) == (0, "")
    headers, _, *rows = child.stdout.splitlines()
    assert headers.startswith("model ")
    assert [row.split()[:4] for row in rows] == [["rows2d", "99.63", "99.51", "0.12"]] * 2


def test_table_of_a_missing_file_exits_2(evaluation: Path) -> None:
    """A missing file is named, and no table is printed."""
    line = refused(pipeline(evaluation.parent, "table", "evaluation.json", "missing.json"))
    assert line == "error: [Errno 2] No such file or directory: 'missing.json'"


def test_table_of_another_file_exits_2(evaluation: Path) -> None:
    """A file that is not an evaluation is named, without a traceback."""
    evaluation.write_text("{}")
    line = refused(pipeline(evaluation.parent, "table", "evaluation.json"))
    assert line.startswith("error: evaluation.json: ")


def test_bundle_prints_where_it_is(tmp_path: Path) -> None:
    """`bundle` packs a release, prints the bundle's folder and the repository, and says what to run first."""
    shutil.copytree(MODELS / "rows2d", tmp_path / "models" / "rows2d")
    shutil.copy(MODELS / "limits.toml", tmp_path / "models")
    write_verdict(ModelFolder(tmp_path / "models" / "rows2d"), BuildFolder(tmp_path / "build" / "rows2d"))
    child = pipeline(tmp_path, "bundle", "rows2d", "--into", "out")
    assert child.returncode == 0, child.stderr
    folder, repository = child.stdout.splitlines()
    assert folder == f"out/rowstream-rows2d-{device.__version__}"
    assert repository.startswith("out/repository/rows2d: rowstream-rows2d ")
    held, first, signed = child.stderr.splitlines()
    assert held.startswith("Devices are held to the exact answers of: ai-edge-litert ")
    assert first == "On the device, run first what README.txt says: python -m device verify model"
    assert signed.startswith("Signed with development keys, ")
