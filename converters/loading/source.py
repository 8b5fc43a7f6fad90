"""Which of the forms a network comes in a source is, without importing Keras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Form = Literal["keras", "h5", "saved_model", "function"]

_FORMS = "a .keras file, an .h5 file, a SavedModel folder, or FILE.py:FUNCTION or MODULE:FUNCTION"


class LoadError(RuntimeError):
    """A network cannot be loaded; the message says what was expected and why it failed."""


@dataclass(frozen=True)
class Source:
    """Where a network is: a path, or a function that builds it; `place` is the function's file or module."""

    form: Form
    place: str
    function: str = ""

    def __post_init__(self) -> None:
        if (self.form == "function") != bool(self.function) or not self.place:
            raise ValueError(f"Expected a place, and a function's name for a function alone. Received: {self}")

    def __str__(self) -> str:
        return f"{self.place}:{self.function}" if self.function else self.place


def read_source(text: str, *, trust: bool) -> Source:
    """Return the source that `text` names; its file's first bytes decide, not its suffix.

    Raises LoadError if there is none, or if it is a function, which runs code, without `trust`.
    """
    path = Path(text)
    if (path / "saved_model.pb").is_file():
        return Source("saved_model", text)
    if path.is_file():
        return Source(_form_of_file(path), text)
    place, colon, function = text.rpartition(":")
    if not colon or not place or not function.isidentifier():
        raise LoadError(f"{text}: Expected {_FORMS}. Found none of them")
    if place.endswith(".py") and not Path(place).is_file():
        raise LoadError(f"{place}: Expected a Python file. Found none")
    if not trust:
        raise LoadError(
            f"{text}: Expected trust in this code, because it is run: --trust. Or name a file of the network"
        )
    return Source("function", place, function)


def _form_of_file(path: Path) -> Form:
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return "keras"
    if start == b"\x89HDF\r\n\x1a\n":
        return "h5"
    hint = f". Name the function that builds the network: {path}:build" if path.suffix == ".py" else ""
    raise LoadError(f"{path}: Expected {_FORMS}. Received: a file that begins with {start!r}{hint}")
