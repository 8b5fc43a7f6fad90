"""The commands that install what is missing, written so that they can be run as they are printed."""

from __future__ import annotations

import sys

import numpy as np

# What the extra `camera` brings, and what the extra `serve` brings beside it.
CAMERA = ("opencv-python-headless", "pillow")
SERVE = ("starlette", "uvicorn")
# What the extra `mqtt` brings.
MQTT = ("paho-mqtt>=2",)
# What the extra `update` brings.
UPDATE = ("tuf>=6", "urllib3>=2.1")
# No command of pip brings it, and an environment sees apt's packages only if it is made to.
PICAMERA2 = "sudo apt install python3-picamera2, in an environment made with python3 -m venv --system-site-packages"

# The last release of tflite-runtime, which was built for numpy 1.
_TFLITE_RUNTIME = "tflite-runtime==2.14.0"
_NUMPY_1 = "numpy<2"
# 32-bit Python on Arm, perhaps under a 64-bit kernel, has tflite-runtime alone.
_MAX_32_BIT = 2**31 - 1


def pip_install(*requirements: str) -> str:
    """Returns the command that installs requirements for this Python.

    It keeps numpy below 2 where numpy 1 is installed, because what was built for numpy 1 fails with numpy 2.
    """
    kept = (_NUMPY_1,) if np.__version__.startswith("1.") else ()
    return _pip("install", *dict.fromkeys((*requirements, *kept)))


def install_runtime(runtime: str | None) -> str:
    """Returns the command that installs a TFLite runtime, by default the one that has a wheel here."""
    if runtime == "tflite-runtime" or (runtime is None and not _litert_has_a_wheel()):
        return pip_install(_TFLITE_RUNTIME, _NUMPY_1)
    return pip_install(runtime or "ai-edge-litert")


def page_needs() -> str:
    """Returns what the pages need, with the command that installs it."""
    return f"a page needs OpenCV, Pillow, Starlette and Uvicorn: {pip_install(*CAMERA, *SERVE)}"


def faster_runtime(runtime: str) -> str:
    """Returns what to install in the place of a runtime that is slower than another with a wheel here, else "".

    tflite-runtime has no fast kernels for int8 on x86-64, and on Arm none for the dot products of newer processors.
    """
    if runtime != "tflite-runtime" or not _litert_has_a_wheel():
        return ""
    return f"{runtime} is several times slower than ai-edge-litert: {install_runtime('ai-edge-litert')}"


def _litert_has_a_wheel() -> bool:
    return not (sys.platform == "linux" and sys.maxsize <= _MAX_32_BIT)


def replace_package(old: str, new: str) -> str:
    """Returns the command that uninstalls a package and installs another in its place."""
    return f"{_pip('uninstall', '--yes', old)} && {pip_install(new)}"


def _pip(*arguments: str) -> str:
    return " ".join(map(_quoted, (sys.executable, "-m", "pip", *arguments)))


def _quoted(argument: str) -> str:
    """Quotes an argument where sh, cmd and PowerShell need it; `shlex` knows sh alone."""
    return f'"{argument}"' if set(argument) & set(" <>&()';") else argument
