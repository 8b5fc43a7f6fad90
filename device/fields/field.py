"""Fields: named places in a frame that show a number, such as a meter's counter, as a TOML file describes them."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .. import toml_tables
from ..vision.region import Region
from ..whole_file import write_whole

FIND = "find"

# A name is also a topic, an identifier and a label elsewhere.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_DIGITS = 20


@dataclass(frozen=True)
class Checks:
    """What a field's readings must keep.

    Attributes:
        never_falls: whether a value below the last good one fails.
        max_rise_per_hour: how much the value may rise above the last good one in an hour; one unit of the last place
            more is always allowed, because a counter moves in steps.
        length: the number of digits that must be found.
    """

    never_falls: bool = False
    max_rise_per_hour: float | None = None
    length: int | None = None

    def __post_init__(self) -> None:
        if self.max_rise_per_hour is not None and not (
            math.isfinite(self.max_rise_per_hour) and self.max_rise_per_hour >= 0
        ):
            raise ValueError(f"Expected max_rise_per_hour of 0 or more. Received: {self.max_rise_per_hour}")
        if self.length is not None and not 1 <= self.length <= _MAX_DIGITS:
            raise ValueError(f"Expected length in 1..{_MAX_DIGITS}. Received: {self.length}")


@dataclass(frozen=True)
class Field:
    """A place in a frame that shows one number on one line.

    Attributes:
        name: 1 to 64 letters, digits, `_` and `-`.
        region: x, y, width and height, or x and y of four corners, clockwise from the top left one, in pixels.
        digits: how many there are, or "find".
        decimal_places: how many of them stand behind the decimal point.
        ink: whether digits are darker or lighter than what is around them.
        rolling: whether they are on a counter's wheels, of which some may stand half-way (`rolling`).
        unit: what the value is measured in.
        checks: what readings must keep.
    """

    name: str
    region: tuple[int, ...]
    digits: Any = FIND
    decimal_places: int = 0
    ink: Literal["dark", "light", "either"] = "either"
    rolling: bool = False
    unit: str = ""
    checks: Checks = Checks()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"Expected a name of 1 to 64 letters, digits, _ and -. Received: {self.name!r}")
        width_px, _ = Region.of(self.region).size
        if self.digits != FIND and (type(self.digits) is not int or not 1 <= self.digits <= _MAX_DIGITS):
            raise ValueError(f'Expected digits in 1..{_MAX_DIGITS} or "{FIND}". Received: {self.digits!r}')
        if self.count is not None and width_px < self.count:
            raise ValueError(f"Expected a region of a pixel or more for each digit. Received: {width_px} pixels")
        if not 0 <= self.decimal_places < (self.count or _MAX_DIGITS):
            raise ValueError(f"Expected decimal_places of 0 or more, below digits. Received: {self.decimal_places}")
        if self.rolling and self.count is None:
            raise ValueError(f'Expected the number of digits with rolling. Received: "{FIND}"')

    @property
    def place(self) -> Region:
        return Region.of(self.region)

    @property
    def count(self) -> int | None:
        """The number of digits, None if they have to be found."""
        return None if self.digits == FIND else int(self.digits)


@dataclass(frozen=True)
class Fields:
    """The fields of a file, in its order, each with another name."""

    field: tuple[Field, ...]

    def __post_init__(self) -> None:
        names = [each.name for each in self.field]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"Expected one or more fields with different names. Received: {names}")

    def as_toml(self) -> str:
        """Returns what `read_fields` reads back; what has its default is left out."""
        return "\n".join("[[field]]\n" + "".join(_entries(each)) for each in self.field)

    def write(self, path: Path) -> None:
        """Writes a file that `read_fields` reads back; raises OSError if it cannot be written."""
        write_whole(path, self.as_toml())


def read_fields(path: Path) -> tuple[Field, ...]:
    """Returns the fields in a TOML file, a table `[[field]]` each; raises as `toml_tables.read_tables` does."""
    return toml_tables.read_tables(path, Fields).field


def _entries(table: Any) -> list[str]:
    entries = []
    for each in dataclasses.fields(table):
        value = getattr(table, each.name)
        if value == each.default:
            continue
        if dataclasses.is_dataclass(value):
            known = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
            value = {name: one for name, one in known.items() if one not in (None, False)}
        entries.append(toml_tables.entry(each.name, value))
    return entries
