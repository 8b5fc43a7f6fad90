"""Tests of `device.files.typed_json` on a record of every type that it knows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.files.typed_json import FieldError, parsed


class Colour(Enum):
    """Two."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Point:
    """A place, of which not all are allowed."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if self.x > self.y:
            raise ValueError("Expected x <= y")


@dataclass(frozen=True)
class Record:
    """A field of every type."""

    count: int
    name: str
    colour: Colour
    axis: Literal["rows", "columns"]
    points: tuple[Point, ...]
    sizes: Mapping[str, int]
    note: str | None
    extra: Any


JSON: dict[str, Any] = {
    "count": 3,
    "name": "three",
    "colour": "blue",
    "axis": "rows",
    "points": [{"x": 1, "y": 2.5}],
    "sizes": {"small": 1},
    "note": None,
    "extra": [1, {"a": None}],
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refusal(**changed: Any) -> str:
    with pytest.raises(FieldError) as refused:
        parsed(Record, {**JSON, **changed}, "record")
    return str(refused.value)


def test_json_becomes_the_record() -> None:
    expected = Record(3, "three", Colour.BLUE, "rows", (Point(1.0, 2.5),), {"small": 1}, None, [1, {"a": None}])
    assert parsed(Record, JSON, "record") == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"count": True}, "record.count: Expected int. Received: True"),
        ({"count": 2**63}, "record.count: Expected an int of 64 bits. Received: 9223372036854775808"),
        ({"name": None}, "record.name: Expected str. Received: None"),
        ({"colour": "green"}, "record.colour: Expected one of ('red', 'blue'). Received: 'green'"),
        ({"colour": ["red"]}, "record.colour: Expected one of ('red', 'blue'). Received: ['red']"),
        ({"axis": {}}, "record.axis: Expected one of ('rows', 'columns'). Received: {}"),
        ({"points": [{"x": 3, "y": 2}]}, "record.points[0]: Expected x <= y"),
        ({"points": [{"x": 3}]}, "record.points[0]: Expected the fields of Point. Missing: ['y']. Unknown: []"),
        ({"points": [{"x": 10**400, "y": 0}]}, "record.points[0].x: Expected a finite number. Received: "),
        ({"points": [{"x": float("nan"), "y": 0}]}, "record.points[0].x: Expected a finite number. Received: nan"),
        ({"sizes": {"small": "1"}}, "record.sizes.small: Expected int. Received: '1'"),
        ({"note": 7}, "record.note: Expected str. Received: 7"),
    ],
)
def test_another_value_is_refused_by_its_place(changed: dict[str, Any], message: str) -> None:
    assert refusal(**changed).startswith(message)


def test_a_value_of_any_length_and_depth_is_told_in_short() -> None:
    nested: Any = 0
    for _ in range(100_000):
        nested = [nested]
    for value in (nested, "x" * 100_000, list(range(100_000))):
        assert len(refusal(axis=value)) < 200
        assert len(refusal(count=value)) < 200


@given(value=ANYTHING)
def test_anything_is_a_record_or_refused(value: Any) -> None:
    for field in JSON:
        with contextlib.suppress(FieldError):
            parsed(Record, json.loads(json.dumps({**JSON, field: value})), "record")
