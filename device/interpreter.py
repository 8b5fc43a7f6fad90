"""The TFLite interpreter at hand: LiteRT where it is installed, else its predecessor tflite-runtime.

Given bytes, never a path, so that what runs is what was checked.

Source: https://ai.google.dev/edge/litert/microcontrollers/python.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .manifest import Runtime

# The package that each runtime's distribution installs, the preferred one first.
RUNTIMES: Mapping[str, str] = MappingProxyType({"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"})


_MAX_THREADS = 2**10


class NoInterpreterError(ImportError):
    """Neither interpreter is installed."""


def load_interpreter(content: bytes, threads: int, runtime: str | None = None) -> tuple[Any, Runtime]:
    """Returns an interpreter over a flatbuffer's bytes, and which runtime it is.

    Args:
        content: the flatbuffer.
        threads: how many threads the kernels may use.
        runtime: the distribution to use, "ai-edge-litert" or "tflite-runtime"; None takes the first that is installed.

    Raises:
        NoInterpreterError: the runtime, or any runtime, is not installed; the message says what to install.
        ValueError: the bytes are no model that this runtime can read.
    """
    if not 1 <= threads <= _MAX_THREADS:
        raise ValueError(f"Expected threads in 1..{_MAX_THREADS}. Received: {threads}")
    for distribution, package in RUNTIMES.items():
        if runtime not in (None, distribution):
            continue
        try:
            module = importlib.import_module(f"{package}.interpreter")
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
            continue
        version = importlib.metadata.version(distribution)
        return module.Interpreter(model_content=content, num_threads=threads), Runtime(distribution, version)
    wanted = runtime or "a TFLite interpreter"
    raise NoInterpreterError(f"Expected {wanted}. Found none: pip install ai-edge-litert, or tflite-runtime 'numpy<2'")
