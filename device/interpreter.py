"""Loads a TFLite interpreter: LiteRT if it is installed, else its predecessor tflite-runtime.

It takes bytes, never a path, so that what runs is what was checked.

Source: https://ai.google.dev/edge/litert/microcontrollers/python.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import IO, Any

from .contract.manifest import Runtime

# The package that each distribution installs, the preferred one first.
RUNTIMES: Mapping[str, str] = MappingProxyType({"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"})

_MAX_THREADS = 2**10
_STDERR = 2
# What runtimes raise over a broken file, apart from ValueError: bindings turn a C++ exception into any of these.
_REFUSALS = (LookupError, MemoryError, OverflowError, RuntimeError, SystemError, TypeError)
_CHATTER = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"


class NoInterpreterError(ImportError):
    """No TFLite interpreter is installed, or not the requested one."""


@contextmanager
def without_chatter() -> Iterator[None]:
    """Keeps the runtime's line about its XNNPACK delegate off stderr; it comes when tensors are first allocated.

    Native code prints it, so the file descriptor is redirected meanwhile. All other lines are passed on afterwards.
    """
    with _unnamed_file() as held:
        stderr = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(stderr, _STDERR)
            os.close(stderr)
            held.seek(0)
            with suppress(BrokenPipeError):  # nobody reads stderr
                os.write(_STDERR, held.read().replace(_CHATTER, b""))


def _unnamed_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("held"), "w+b")
    import tempfile  # noqa: PLC0415  # slow to import, and not needed on Linux

    return tempfile.TemporaryFile()


def check_threads(threads: int) -> None:
    """Raises ValueError for a number of threads that no runtime can start."""
    if not 1 <= threads <= _MAX_THREADS:
        raise ValueError(f"Expected threads in 1..{_MAX_THREADS}. Received: {threads}")


@contextmanager
def refusing(runtime: str) -> Iterator[None]:
    """Raises ValueError, with the reason, for the other errors that a runtime raises over a file it cannot run."""
    try:
        yield
    except _REFUSALS as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"Expected a model that {runtime} can run. {reason}") from error


def load_interpreter(content: bytes, threads: int, runtime: str | None = None) -> tuple[Any, Runtime]:
    """Returns an interpreter of a flatbuffer, whose kernels use up to `threads` threads, and which runtime it is.

    `runtime` is one of `RUNTIMES`; None takes the first that is installed. Raises NoInterpreterError if there is none,
    and ValueError if the runtime cannot read the content as a model or cannot start that many threads.
    """
    check_threads(threads)
    for distribution, package in RUNTIMES.items():
        if runtime not in (None, distribution):
            continue
        try:
            module = importlib.import_module(f"{package}.interpreter")
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
            continue
        # The package, not its metadata, whose reader takes as long to import as numpy.
        version = str(importlib.import_module(package).__version__)
        with refusing(distribution):
            interpreter = module.Interpreter(model_content=content, num_threads=threads)
        return interpreter, Runtime(distribution, version)
    raise NoInterpreterError(f"Expected {runtime or 'a TFLite interpreter'}. Found none{_remedy(runtime)}")


def _remedy(runtime: str | None) -> str:
    from .advice import install_runtime  # noqa: PLC0415  # only for those who lack something

    if runtime == "tflite-runtime" and (sys.version_info >= (3, 12) or sys.platform != "linux"):
        return ", because it is for Linux and Python 3.11 or earlier"
    return f": {install_runtime(runtime)}" if runtime is None or runtime in RUNTIMES else ""
