"""Tests of `python -m device verify`, in child processes, on good and on broken models."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device.contract.golden import record_type
from device.contract.manifest import read_manifest
from tests.conftest import EITHER_RUNTIME, MODELS, ROOT, run_python
from tests.device.contract.test_golden import with_golden
from tests.device.test_runner import vouched
from tests.support.broken import broken
from tests.support.checkout import THOROUGH

ROWS2D = MODELS / "rows2d"


def verify(*arguments: str | Path, folder: Path = ROOT, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    child = run_python("-m", "device", "verify", *arguments, folder=folder, site=site)
    assert "Traceback" not in child.stderr
    return child


@pytest.mark.sampled
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_a_released_model_passes(variant: str, runtime: str) -> None:
    """Each released model passes on either runtime, and the verdict says on which."""
    child = verify(MODELS / variant, "--runtime", runtime)
    passed = f"{MODELS / variant}: passed: 16 golden crops, whole and line by line, on {runtime} "
    assert (child.returncode, child.stderr) == (0, "")
    assert re.fullmatch(re.escape(passed) + r"[\d.]+\n", child.stdout)


def test_verify_needs_numpy_and_an_interpreter_alone(bare_site: Callable[..., Path]) -> None:
    """Without OpenCV and Pillow a model is verified all the same; without a runtime the status is 2."""
    site = bare_site("numpy", "ai-edge-litert")
    assert verify(ROWS2D, site=site).returncode == 0
    child = verify(ROWS2D, "--runtime", "tflite-runtime", site=site)
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr.startswith("error: Expected tflite-runtime. Found none")


def test_a_model_that_answers_otherwise_is_refused(model_copy: Path) -> None:
    """A wrong answer to the last golden crop alone, line by line, is found and named."""
    records = np.frombuffer((model_copy / "golden.bin").read_bytes(), record_type(read_manifest(model_copy))).copy()
    records["lowest"][15, 0], records["highest"][15, 0] = 127, 127
    child = verify(with_golden(model_copy, records.tobytes()))
    assert (child.returncode, child.stderr) == (1, "")
    assert child.stdout.startswith(f"{model_copy}: refused: Expected the answers that the model gave when it was made.")
    assert "golden crop 15, read line by line, logit 0 is" in child.stdout


def test_a_file_that_is_not_the_manifests_is_refused(model_copy: Path) -> None:
    """A damaged file is refused by its hash."""
    content = (model_copy / "model.int8.tflite").read_bytes()
    (model_copy / "model.int8.tflite").write_bytes(content[:-1])
    child = verify(model_copy)
    assert (child.returncode, child.stderr) == (1, "")
    assert "refused: " in child.stdout
    assert "Expected SHA-256" in child.stdout


@pytest.mark.thorough
@pytest.mark.parametrize("runtime", EITHER_RUNTIME[1:])
def test_a_model_that_crashes_the_runtime_is_refused(model_copy: Path, runtime: str) -> None:
    """The signal that ended the child process is named, and the command itself goes on.

    Of files with up to 64 bytes changed, tflite-runtime crashes on many; LiteRT checks a file first, and on few.
    """
    content = (ROWS2D / "model.int8.tflite").read_bytes()
    for seed in range(1, 241, 6):
        child = verify(vouched(model_copy, broken(content, seed)), "--runtime", runtime)
        if "ended with SIG" in child.stdout:
            break
    assert child.returncode == 1
    assert re.fullmatch(r".*: refused: the process that ran it ended with SIG[A-Z]+\n", child.stdout)


def test_a_model_that_does_not_answer_in_time_is_refused() -> None:
    """A model that takes longer than `--timeout` is refused, and its process is ended."""
    child = verify(ROWS2D, "--timeout", "0.001")
    assert (child.returncode, child.stdout) == (1, f"{ROWS2D}: refused: no answer within 0.001 s\n")


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "error: nosuch: Expected a model's folder, or the .tflite file in it. Found neither\n"),
        (("models",), "models/manifest.json"),
        (("--timeout", "0"), "error: Expected --timeout in 0..86400 seconds. Received: 0.0\n"),
        (("--timeout", "nan"), "error: Expected --timeout in 0..86400 seconds. Received: nan\n"),
        (("--threads", "0"), "error: Expected threads in 1..1024. Received: 0\n"),
        (("models/rows2d", "models/rows"), "unrecognized arguments: models/rows"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], message: str) -> None:
    """What is not a model, and options out of range, end with 2 and the reason."""
    child = verify(*arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert message in child.stderr


def test_the_model_has_a_default(model_copy: Path) -> None:
    """Without MODEL it is the folder `model` where there is one, as in a bundle."""
    model_copy.rename(model_copy.with_name("model"))
    (model_copy.with_name("device")).symlink_to(Path(os.path.relpath(MODELS.parent / "device", model_copy.parent)))
    child = verify(folder=model_copy.parent)
    assert child.returncode == 0
    assert child.stdout.startswith("model: passed: ")


@pytest.mark.thorough
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_broken_models_never_break_verify(model_copy: Path, runtime: str) -> None:
    """Of files changed at random, with forged hashes, each gets a verdict in one line, without a traceback."""
    content = (ROWS2D / "model.int8.tflite").read_bytes()
    for seed in range(24 if THOROUGH else 6):
        child = verify(vouched(model_copy, broken(content, seed)), "--runtime", runtime, "--timeout", "20")
        assert child.returncode in (0, 1), (seed, child.stderr)
        assert re.fullmatch(r".*: (passed|refused): .+\n", child.stdout), (seed, child.stdout)
