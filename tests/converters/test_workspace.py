"""Tests of `converters.workspace`: what a conversion and its child read of each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converters.workspace import MAX_UNROLLED_STEPS, ROOT, NetworkFacts, Request, Workspace

REQUEST = Request((0.0, 0.5), keep_head=True, precision="auto", runs=(3, 4), unrolled_steps_max=7, small=True)
FACTS = NetworkFacts(
    {"a": "softmax", "b": "linear"},
    ("b",),
    "columns",
    14,
    2,
    "odd: reads time both ways",
    "int8+state16",
    {"int8": 9.5},
)


def test_files_have_their_names(tmp_path: Path) -> None:
    """All are in the folder of the conversion."""
    workspace = Workspace(tmp_path)
    assert [
        path.relative_to(tmp_path).as_posix()
        for path in (
            workspace.network,
            workspace.calibration,
            workspace.step,
            workspace.float_tflite,
            workspace.int8_tflite,
        )
    ] == ["network.keras", "calibration.npy", "step.txt", "float.tflite", "int8.tflite"]


@pytest.mark.parametrize(
    "request_",
    [REQUEST, Request(None, keep_head=False, precision="int8"), Request((), keep_head=False, precision="int8")],
)
def test_a_request_is_read_as_it_was_written(tmp_path: Path, request_: Request) -> None:
    """Another process finds it in a file of its own, beside the facts."""
    Workspace(tmp_path).request = request_
    assert Workspace(tmp_path).request == request_
    assert [path.name for path in tmp_path.iterdir()] == ["request.json"]


@pytest.mark.parametrize("facts", [FACTS, NetworkFacts({}, (), "rows", 1, 28, "")])
def test_facts_are_read_as_they_were_written(tmp_path: Path, facts: NetworkFacts) -> None:
    """Another process finds them in a file of their own, beside the request."""
    Workspace(tmp_path).facts = facts
    assert Workspace(tmp_path).facts == facts
    assert [path.name for path in tmp_path.iterdir()] == ["facts.json"]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The message says in which of the two files the value is."""
    workspace = Workspace(tmp_path)
    workspace.request, workspace.facts = REQUEST, FACTS
    for name, field in (("request", "small"), ("facts", "steps")):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), field: "many"}))
    with pytest.raises(ValueError, match=r"^request\.small: Expected bool"):
        _ = workspace.request
    with pytest.raises(ValueError, match=r"^facts\.steps: Expected int"):
        _ = workspace.facts


def test_defaults() -> None:
    """States are reset for each input, up to 64 steps are unrolled, and the file has names and is int8."""
    request = Request(None, keep_head=False, precision="auto")
    assert (request.runs, request.unrolled_steps_max, request.small) == (None, 64, False)
    assert MAX_UNROLLED_STEPS == 64
    facts = NetworkFacts({}, (), "rows", 1, 28, "")
    assert (facts.precision, facts.signal_to_noise_db) == ("int8", {})


def test_requests_and_facts_are_values() -> None:
    """They do not change, so that a process cannot forget to write what it changed."""
    attribute = "small"
    with pytest.raises(AttributeError):
        setattr(REQUEST, attribute, False)
    attribute = "steps"
    with pytest.raises(AttributeError):
        setattr(FACTS, attribute, 1)


def test_the_child_runs_where_it_finds_the_modules() -> None:
    """The root is the folder of the three floors."""
    assert (ROOT / "converters" / "workspace.py").samefile(Path(__file__).parents[2] / "converters" / "workspace.py")
