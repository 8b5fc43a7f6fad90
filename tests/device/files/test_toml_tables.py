"""Tests of `device.files.toml_tables`: TOML as dataclasses, and back."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.files.toml_tables import entry, from_tables, loads, read_tables, require_known
from device.files.typed_json import FieldError


@dataclass(frozen=True)
class Lens:
    """A lens, of which one entry must be written."""

    focus_mm: float
    name: str = "none"


@dataclass(frozen=True)
class Camera:
    """A camera with tables of both kinds."""

    lens: Lens
    spare: tuple[Lens, ...] = ()
    size: tuple[int, ...] = (640, 480)
    gains: Mapping[str, float] = field(default_factory=dict)


def test_what_is_not_written_has_its_default(tmp_path: Path) -> None:
    """Tables are dataclasses, and arrays of tables tuples of them, each with its own defaults."""
    path = tmp_path / "camera.toml"
    path.write_text(
        '\ufeff[lens]\nfocus_mm = 35.5\n[[spare]]\nfocus_mm = 50.0\nname = "far"\n[[spare]]\nfocus_mm = 8.0\n'
    )
    spare = (Lens(50.0, "far"), Lens(8.0))
    assert read_tables(path, Camera) == Camera(Lens(35.5), spare, (640, 480), {})
    path.write_text("size = [3, 4]\ngains = {red = 2.0}\nlens = {focus_mm = 1.0}\n")
    assert read_tables(path, Camera) == Camera(Lens(1.0), (), (3, 4), {"red": 2.0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lens.focus_mm: Expected an entry. Received: none"),
        ("lens = 3", "lens: Expected a table. Received: 3"),
        ("[lens]\nfocus = 3.0", "lens.focus: nothing is called so. Did you mean focus_mm?"),
        ("width = 3\n[lens]\nfocus_mm = 3.0", "width: nothing is called so. Known: lens, spare, size, gains"),
        (
            "[lens]\nfocus_mm = 3.0\n[[spare]]\nfocus_mm = 3.0\n[[spare]]\nname = 'a'",
            "spare[1].focus_mm: Expected an entry.",
        ),
        ("spare = 3\n[lens]\nfocus_mm = 3.0", "camera.spare: Expected list. Received: 3"),
        ("spare = [3]\n[lens]\nfocus_mm = 3.0", "spare[0]: Expected a table. Received: 3"),
        ("[lens]\nfocus_mm = '3'", "camera.lens.focus_mm: Expected float. Received: '3'"),
        ("[lens", "Expected ']'"),
    ],
)
def test_names_the_entry_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    """After the file's name; a name that is nearly right is said."""
    path = tmp_path / "camera.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: .*{re.escape(message)}"):
        read_tables(path, Camera)


def test_tables_from_json_are_read_alike() -> None:
    """Without a file; the error has no name of one."""
    assert from_tables({"focus_mm": 3.0}, Lens) == Lens(3.0)
    with pytest.raises(FieldError, match=r"^focus: nothing is called so\. Did you mean focus_mm\?$"):
        from_tables({"focus": 3.0}, Lens)


def test_the_first_unknown_name_is_said() -> None:
    """With the table that it is in; known ones pass."""
    require_known("a", ["b", "c"], ["c", "b"])
    with pytest.raises(FieldError, match=r"^a\.d: nothing is called so\. Known: b, c$"):
        require_known("a", ["b", "d", "e"], ["b", "c"])


_VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(st.one_of(_VALUES, st.lists(_VALUES, max_size=3), st.dictionaries(st.sampled_from("ab"), _VALUES)))
def test_an_entry_is_read_as_it_was_written(value: object) -> None:
    """Numbers, texts with any characters, truth values, lists and mappings of them."""
    assert loads(entry("given", value)) == {"given": value}


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ((1, 2), "a = [1, 2]\n"),
        ({"x": 1.5, "y": "z"}, 'a = {"x" = 1.5, "y" = "z"}\n'),
        ("\x7f", 'a = "\\u007f"\n'),
        ("é", 'a = "é"\n'),
        (math.pi, "a = 3.141592653589793\n"),
    ],
)
def test_literal_entries(value: object, line: str) -> None:
    """Tuples are lists, and mappings stand on one line."""
    assert entry("a", value) == line
