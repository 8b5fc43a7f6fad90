"""A base class for what a `with` block closes at its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

_Self = TypeVar("_Self", bound="Closing")


class Closing(ABC):
    """Something that `with` closes at the end of its block."""

    @abstractmethod
    def close(self) -> None:
        """Releases what is held; a second call does nothing."""

    def __enter__(self: _Self) -> _Self:  # noqa: PYI019  # `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
