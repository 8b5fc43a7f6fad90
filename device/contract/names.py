"""The names in a manifest: folders and files have them, so they hold no separator and do not begin with a dot."""

from __future__ import annotations

import re

_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){2}([-+.]?[0-9A-Za-z][0-9A-Za-z.+-]{0,39})?")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.tflite")


def is_model_name(name: str) -> bool:
    """Returns whether a model, and so its folder, may have this name."""
    return bool(_MODEL_NAME.fullmatch(name))


def is_version(text: str) -> bool:
    """Returns whether a model may have this version."""
    return bool(_VERSION.fullmatch(text))


def is_file_name(name: str) -> bool:
    """Returns whether a `.tflite` file may have this name."""
    return bool(_FILE_NAME.fullmatch(name))
