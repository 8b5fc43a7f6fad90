"""Tests of `gate.json`: a judgement is read as it was written, and anything else is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.gate.check import Check, Verdict
from pipeline.gate.gate_json import GateFileError, as_json, is_pass, read_judgement
from pipeline.gate.judgement import Judgement, StageResult
from tests.support.measured import JUDGED, MEASURED, NOT_STREAMED

REFUSED_EARLY = replace(
    JUDGED,
    measurements=None,
    stages=(StageResult("files", (Check("file hash", "a", "b", Verdict.REFUSED, "another file"),)),),
)


PASSED = replace(
    JUDGED, measurements=None, stages=(StageResult("files", (Check("file hash", "a", "a", Verdict.PASSED),)),)
)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "gate.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def edited(edit: Callable[[dict[str, Any]], object]) -> str:
    fields = json.loads(as_json(JUDGED))
    edit(fields)
    return json.dumps(fields)


@pytest.mark.parametrize(
    "judgement",
    [
        pytest.param(JUDGED, id="measured"),
        pytest.param(REFUSED_EARLY, id="refused early"),
        pytest.param(replace(JUDGED, measurements=replace(MEASURED, **NOT_STREAMED, tensors=())), id="not all of it"),
    ],
)
def test_a_judgement_is_read_as_it_was_written(judgement: Judgement, tmp_path: Path) -> None:
    assert read_judgement(written(tmp_path, as_json(judgement))) == judgement


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "Expected JSON. Expecting value", id="empty"),
        pytest.param(as_json(JUDGED)[:2_000], "Expected JSON. ", id="truncated"),
        pytest.param(b"\xff\xfe\x00", "'utf-8' codec can't decode", id="binary"),
        pytest.param("[" * 100_000, "recursion", id="deep"),
        pytest.param("[]", "Expected gate.json of format 4. Received: None", id="a list"),
        pytest.param(
            '{"format_version": 1}', "Expected gate.json of format 4. Received: 1. Run the gate again", id="old"
        ),
        pytest.param(
            '{"format_version": 4}', "gate: Expected the fields of Judgement. Missing: ['file_sha256'", id="bare"
        ),
        pytest.param(
            edited(lambda gate: gate.update(more=1)),
            "gate: Expected the fields of Judgement. Missing: []. Unknown: ['more']",
            id="a field too many",
        ),
        pytest.param(
            edited(lambda gate: gate.update(images=True)), "gate.images: Expected int. Received: True", id="a truth"
        ),
        pytest.param(
            edited(lambda gate: gate.update(verdict="passed")),
            "gate.verdict: Expected refused, by the checks. Received: passed",
            id="a better verdict",
        ),
        pytest.param(
            edited(lambda gate: gate["stages"][0]["checks"][0].update(verdict="fine")),
            "gate.stages[0].checks[0].verdict: Expected one of ('passed', 'refused', 'not judged'). Received: 'fine'",
            id="no verdict",
        ),
    ],
)
def test_anything_else_is_refused_with_the_field(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(GateFileError) as refused:
        read_judgement(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda each: each["int8"]["confusion"].pop(), ": Expected confusion [3, 3]"),
        (
            lambda each: each["mistakes"][1].update(png="PHN2Zz4="),
            ".mistakes[1]: png: Expected a PNG file in base64. Received: 'PHN2Zz4='",
        ),
        (lambda each: each["overall"].update(lost=12), ".overall: Expected images, and lost and won among them"),
        (lambda each: each["latency"].update(counts=[]), ".latency: Expected rising edges, one more than counts"),
        (lambda each: each["tensors"][0].update(noise=None), ".tensors[0].noise: Expected float. Received: None"),
        (
            lambda each: each["tensors"][0].update(noise=math.inf),
            ".tensors[0].noise: Expected a finite number. Received: inf",
        ),
        (lambda each: each["tensors"][0].update(noise=-1), ".tensors[0]: Expected energies of 0 or more"),
        (lambda each: each["float"].update(bins=[]), ".float: Expected bins, and counts of 0 or more"),
        (lambda each: each["classes"].pop(), ": Expected a change of recall for each of ('one', 'two', 'three')"),
        (
            lambda each: each["early_exit"].update(accuracy_after_step=[]),
            ": Expected an accuracy after each time step",
        ),
    ],
)
def test_impossible_measurements_are_refused_with_the_field(
    edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, edited(lambda gate: edit(gate["measurements"])))
    with pytest.raises(GateFileError) as refused:
        read_judgement(path)
    assert str(refused.value).startswith(f"{path}: gate.measurements{message}")


@pytest.mark.parametrize(
    ("earlier", "first", "says"),
    [
        pytest.param(PASSED, PASSED, True, id="passed"),
        pytest.param(REFUSED_EARLY, PASSED, False, id="refused before"),
        pytest.param(PASSED, REFUSED_EARLY, False, id="refused now"),
        pytest.param(REFUSED_EARLY, REFUSED_EARLY, False, id="refused twice"),
        pytest.param(replace(PASSED, manifest_sha256="1" * 64), PASSED, False, id="another manifest"),
        pytest.param(replace(PASSED, limits_sha256="1" * 64), PASSED, False, id="other limits"),
    ],
)
def test_a_pass_is_of_the_same_manifest_and_limits(
    earlier: Judgement, first: Judgement, says: bool, tmp_path: Path
) -> None:
    """A model passed if its whole gate did before, and the first stage does now, by the same files and limits."""
    assert is_pass(written(tmp_path, as_json(earlier)), first) is says


def test_no_file_or_another_is_no_pass(tmp_path: Path) -> None:
    """A `gate.json` that is missing or cannot be read says nothing of a model."""
    assert not is_pass(tmp_path / "gate.json", PASSED)
    assert not is_pass(written(tmp_path, "[]"), PASSED)


def test_texts_that_cannot_be_printed_are_replaced(tmp_path: Path) -> None:
    content = edited(lambda gate: gate.update(model="a\x00b\ud800c\nd", source="die Ziffern, 数字"))
    judgement = read_judgement(written(tmp_path, content))
    assert (judgement.model, judgement.source) == ("a�b�c d", "die Ziffern, 数字")


def test_the_file_holds_the_digests_runtimes_and_notes() -> None:
    """The JSON begins with the format version and the verdict, and has the fields that other programs read."""
    fields = json.loads(as_json(JUDGED))
    assert list(fields)[:2] == ["format_version", "verdict"]
    assert (fields["format_version"], fields["verdict"], fields["images"]) == (4, "refused", 12)
    assert (fields["file_sha256"], fields["manifest_sha256"]) == ("a" * 64, "e" * 64)
    assert fields["runtimes"] == [{"name": "ai-edge-litert", "version": "2.3.0"}]
    assert fields["stages"][1] == {
        "name": "accuracy",
        "checks": [
            {
                "name": "drop",
                "measured": "8.33 pp",
                "limit": "≤ 0.50 pp",
                "verdict": "refused",
                "reason": "8.33 pp is not ≤ 0.50 pp",
                "value": 8.33,
            }
        ],
        "notes": [{"name": "float accuracy", "text": "91.67 %"}],
    }


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_are_not_finite_are_written_as_null(value: float) -> None:
    """NaN and infinities, which JSON lacks, become null."""
    check = Check("drop", "nan", "", Verdict.PASSED, value=value)
    written = as_json(replace(JUDGED, stages=(StageResult("accuracy", (check,)),)))
    assert json.loads(written)["stages"][0]["checks"][0]["value"] is None
    assert "NaN" not in written
