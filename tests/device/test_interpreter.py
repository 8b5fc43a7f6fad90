"""Tests of `device.interpreter`."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from converters.tflite.flatbuffer import dump, load
from device.contract.manifest import Runtime
from device.interpreter import NoInterpreterError, check_threads, load_interpreter
from tests.conftest import EITHER_RUNTIME, MODELS, run_python

MODEL = MODELS / "rows2d" / "model.int8.tflite"
LOADS = f"""
from pathlib import Path
from device.interpreter import load_interpreter
print(load_interpreter(Path({str(MODEL)!r}).read_bytes(), 1, RUNTIME)[1].name)
"""
FAILS = """
from device.interpreter import NoInterpreterError, load_interpreter
try:
    load_interpreter(b"", 1, RUNTIME)
except NoInterpreterError as error:
    print(error)
"""


# What is added to advice where numpy 1 is installed.
BOUND = ' "numpy<2"' if np.__version__.startswith("1.") else ""


def in_child(code: str, runtime: str | None, site: Path) -> str:
    child = run_python("-c", code.replace("RUNTIME", repr(runtime)), site=site)
    assert "Traceback" not in child.stderr
    return child.stdout


def test_prefers_litert() -> None:
    """Where both runtimes are installed, LiteRT is the one that loads, and it says its version."""
    interpreter, runtime = load_interpreter(MODEL.read_bytes(), threads=1)
    assert runtime == Runtime("ai-edge-litert", importlib.metadata.version("ai-edge-litert"))
    assert "classify" in interpreter.get_signature_list()


def test_threads() -> None:
    """Several threads give the logits that one gives."""
    content = MODEL.read_bytes()
    pixels = np.arange(784, dtype=np.uint16).astype(np.int8).reshape(1, 28, 28, 1)
    one, four = (
        load_interpreter(content, threads)[0].get_signature_runner("classify")(crop=pixels)["logits"]
        for threads in (1, 4)
    )
    np.testing.assert_array_equal(one, four)


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(1000), b"\x1c\0\0\0TFL3" + bytes(1000)])
def test_refuses_bytes_that_are_not_a_model(content: bytes) -> None:
    """Bytes that are not a flatbuffer are a ValueError, not the end of the process."""
    with pytest.raises(ValueError, match=r"(?i)model"):
        load_interpreter(content, threads=1)


def test_refuses_operators_it_does_not_have() -> None:
    """A file from a newer converter, with an operator version that this runtime lacks, is a ValueError."""
    model = load(MODEL.read_bytes())
    for code in model.operatorCodes:
        code.version = 99
    with pytest.raises(ValueError, match="Didn't find op"):
        load_interpreter(dump(model), threads=1)


@pytest.mark.parametrize("threads", [0, 1025, 2**40])
def test_refuses_numbers_of_threads(threads: int) -> None:
    """A number of threads that no runtime can start is a ValueError with a message to read."""
    with pytest.raises(ValueError, match="threads") as error:
        load_interpreter(MODEL.read_bytes(), threads)
    assert len(str(error.value)) < 200


def test_takes_numbers_of_threads_up_to_1024() -> None:
    """1 and 1,024 are the bounds of what is taken."""
    check_threads(1)
    check_threads(1024)


@pytest.mark.parametrize("ends_with", ["pass", "raise ValueError('the reason')"])
def test_only_the_delegates_line_is_kept_off_stderr(ends_with: str) -> None:
    """What else is written to the descriptor gets through, also where loading fails, and later lines are untouched."""
    chatter = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n"
    code = f"""
import os
from contextlib import suppress
from device.interpreter import without_chatter
with suppress(ValueError), without_chatter():
    os.write(2, b"ERROR: kept\\n{chatter}")
    {ends_with}
os.write(2, b"{chatter}")
"""
    expected = "ERROR: kept\nINFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    assert run_python("-c", code).stderr == expected


def test_refuses_other_runtimes() -> None:
    """A runtime that this project does not know is refused by its name."""
    with pytest.raises(NoInterpreterError, match=r"^Expected onnxruntime\. Found none$"):
        load_interpreter(MODEL.read_bytes(), 1, "onnxruntime")


@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_takes_the_runtime_there_is(bare_site: Callable[..., Path], runtime: str) -> None:
    """Where one runtime is installed, that one loads without being named."""
    assert in_child(LOADS, None, bare_site("numpy", runtime)) == f"{runtime}\n"


@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_takes_the_runtime_asked_for(bare_site: Callable[..., Path], runtime: str) -> None:
    """Where a runtime is named, that one loads."""
    assert in_child(LOADS, runtime, bare_site("numpy", runtime)) == f"{runtime}\n"


def test_without_an_interpreter(bare_site: Callable[..., Path]) -> None:
    """Where no runtime is installed, the error says what to install."""
    message = f"Expected a TFLite interpreter. Found none: {sys.executable} -m pip install ai-edge-litert{BOUND}\n"
    assert in_child(FAILS, None, bare_site("numpy")) == message


def test_without_the_interpreter_asked_for(bare_site: Callable[..., Path]) -> None:
    """Another runtime does not stand in for the one that was named."""
    install = f': {sys.executable} -m pip install tflite-runtime==2.14.0 "numpy<2"'
    has_wheel = sys.version_info < (3, 12) and sys.platform == "linux"
    remedy = install if has_wheel else ", because it is for Linux and Python 3.11 or earlier"
    message = f"Expected tflite-runtime. Found none{remedy}\n"
    assert in_child(FAILS, "tflite-runtime", bare_site("numpy", "ai-edge-litert")) == message
