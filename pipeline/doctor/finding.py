"""What the doctor finds: the layer, what is wrong with it, why, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Sicknesses. A network with one of them does not run, does not see a sequence, or cannot be converted.
SICKNESSES = (
    *("flatten", "reshape", "one step", "order", "channels as time", "dimensions", "conv1d", "shrinks", "raises"),
    *("free size", "unbuilt", "return_sequences missing", "return_sequences left on", "stateful"),
    *("softmax twice", "softmax missing", "softmax of one", "scaling"),
)
NOTES = ("looks ahead", "table", "every step", "no recurrence")


@dataclass(frozen=True)
class Edit:
    """A change of a Sequential at one layer: layers put before it, or the layer taken out."""

    layer: str
    before: tuple[Any, ...] = ()
    remove: bool = False

    def __post_init__(self) -> None:
        if not (self.before or self.remove):
            raise ValueError(f"Expected a change at {self.layer}. Received: none")


@dataclass(frozen=True)
class Finding:
    """A sickness or a note: `mend` is code or says what to do, `edits` do the same to a Sequential."""

    kind: str
    layer: str
    what: str
    why: str
    mend: str
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in (*SICKNESSES, *NOTES) or not (self.what and self.why and self.mend):
            raise ValueError(f"Expected a known kind, what, why and mend. Received: {self}")

    @property
    def is_sick(self) -> bool:
        return self.kind in SICKNESSES
