"""Tests of a judgement's reports: a table for people, JSON, JUnit XML and Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

import pytest

from pipeline.folders import ReportFolder
from pipeline.gate.check import Check, Verdict
from pipeline.gate.diagnosis import ClassRecall, Diagnosis, Disagreement, TensorNoise
from pipeline.gate.gate_json import as_json
from pipeline.gate.judgement import Judgement, StageResult
from pipeline.gate.reports import as_junit, as_markdown, as_text, write_reports

PASSED = Check("images", "4,500", "≥ 1,000", Verdict.PASSED, value=4_500)
REFUSED = Check("drop", "0.75 pp", "≤ 0.50 pp", Verdict.REFUSED, "0.75 pp is not ≤ 0.50 pp", 0.75)
NOT_JUDGED = Check("time", "", "", Verdict.NOT_JUDGED, "the float twin is not at hand")
AFTER = Check("all", "", "", Verdict.NOT_JUDGED, "refused at accuracy")

DIAGNOSIS = Diagnosis(
    tensors=(TensorNoise("lstm/add", 7, -3.25), TensorNoise("crop", 0, math.inf)),
    classes=(ClassRecall("seven", 450, 99.5, 96.25),),
    disagreements=(Disagreement(42, "seven", "seven", 0.9512, "one", 0.625),),
)

SHIPS = Judgement(
    model="rowstream-tiny",
    version="1.2.3",
    file_sha256="a" * 64,
    manifest_sha256="e" * 64,
    images=4_500,
    source="the digits",
    stages=(StageResult("images", (PASSED, replace(PASSED, name="classes"))),),
    diagnosis=None,
    measurements=None,
)
DOES_NOT_SHIP = replace(
    SHIPS,
    stages=(
        StageResult("images", (PASSED,)),
        StageResult("accuracy", (REFUSED, NOT_JUDGED)),
        StageResult("budget", (AFTER,)),
    ),
    diagnosis=DIAGNOSIS,
)
UNDECIDED = replace(SHIPS, stages=(StageResult("images", (PASSED,)), StageResult("budget", (NOT_JUDGED,))))


def with_check(check: Check) -> Judgement:
    return replace(SHIPS, stages=(StageResult("images", (check,)),))


def junit(judgement: Judgement) -> ET.Element:
    return ET.fromstring(as_junit(judgement))  # noqa: S314  # written here


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        pytest.param((), Verdict.PASSED, id="nothing"),
        pytest.param((PASSED, PASSED), Verdict.PASSED, id="all passed"),
        pytest.param((PASSED, NOT_JUDGED), Verdict.NOT_JUDGED, id="one not judged"),
        pytest.param((NOT_JUDGED, REFUSED, PASSED), Verdict.REFUSED, id="one refused"),
        pytest.param((REFUSED, NOT_JUDGED), Verdict.REFUSED, id="refused first"),
    ],
)
def test_the_worst_verdict_counts(checks: tuple[Check, ...], expected: Verdict) -> None:
    """Refused beats not judged, which beats passed: of the checks in one stage, and of stages with one each."""
    assert StageResult("one", checks).verdict is expected
    assert replace(SHIPS, stages=(StageResult("one", checks),)).verdict is expected
    assert replace(SHIPS, stages=tuple(StageResult("one", (check,)) for check in checks)).verdict is expected


def test_json_holds_all_of_a_judgement() -> None:
    """Each check and the diagnosis are in the JSON, under format version 2 and the verdict."""
    assert json.loads(as_json(replace(DOES_NOT_SHIP, stages=DOES_NOT_SHIP.stages[1:2]))) == {
        "format_version": 2,
        "verdict": "refused",
        "model": "rowstream-tiny",
        "version": "1.2.3",
        "file_sha256": "a" * 64,
        "images": 4_500,
        "source": "the digits",
        "stages": [
            {
                "name": "accuracy",
                "checks": [
                    {
                        "name": "drop",
                        "measured": "0.75 pp",
                        "limit": "≤ 0.50 pp",
                        "verdict": "refused",
                        "reason": "0.75 pp is not ≤ 0.50 pp",
                        "value": 0.75,
                    },
                    {
                        "name": "time",
                        "measured": "",
                        "limit": "",
                        "verdict": "not judged",
                        "reason": "the float twin is not at hand",
                        "value": None,
                    },
                ],
            }
        ],
        "diagnosis": {
            "tensors": [
                {"name": "lstm/add", "place": 7, "snr_db": -3.25},
                {"name": "crop", "place": 0, "snr_db": None},
            ],
            "classes": [{"label": "seven", "images": 450, "float_recall_percent": 99.5, "int8_recall_percent": 96.25}],
            "disagreements": [
                {
                    "image": 42,
                    "shown": "seven",
                    "float_answer": "seven",
                    "float_probability": 0.9512,
                    "int8_answer": "one",
                    "int8_probability": 0.625,
                }
            ],
        },
        "measurements": None,
    }


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_json_writes_null_for_what_is_no_finite_number(value: float) -> None:
    """NaN and infinities, which JSON does not have, are null."""

    def refuse(constant: str) -> NoReturn:
        pytest.fail(f"{constant} is no JSON")

    written = as_json(with_check(replace(PASSED, value=value)))
    assert json.loads(written, parse_constant=refuse)["stages"][0]["checks"][0]["value"] is None


def test_json_without_a_diagnosis_says_so() -> None:
    """A judgement that needs no diagnosis has null for one."""
    written = json.loads(as_json(SHIPS))
    assert (written["verdict"], written["diagnosis"]) == ("passed", None)


def test_junit_counts_its_cases() -> None:
    """The suite counts its cases, of which the refused are failures and those not judged errors."""
    suite = junit(DOES_NOT_SHIP)
    assert suite.tag == "testsuite"
    assert suite.attrib == {"name": "gate.rowstream-tiny", "tests": "4", "failures": "1", "errors": "2"}
    assert [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite] == [
        ("rowstream-tiny.images", "images", []),
        ("rowstream-tiny.accuracy", "drop", ["failure"]),
        ("rowstream-tiny.accuracy", "time", ["error"]),
        ("rowstream-tiny.budget", "all", ["error"]),
    ]


@pytest.mark.parametrize(
    ("check", "tag", "attributes"),
    [
        pytest.param(REFUSED, "failure", {"message": "0.75 pp is not ≤ 0.50 pp", "type": "refused"}, id="refused"),
        pytest.param(
            NOT_JUDGED, "error", {"message": "the float twin is not at hand", "type": "not judged"}, id="not judged"
        ),
    ],
)
def test_junit_says_why(check: Check, tag: str, attributes: dict[str, str]) -> None:
    """The reason is the message of the failure or error, and the verdict its type."""
    found = junit(with_check(check)).find(f"testcase/{tag}")
    assert found is not None
    assert found.attrib == attributes


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param("a\x00b", "a\ufffdb", id="zero"),
        pytest.param("a\x1b[31mb", "a\ufffd[31mb", id="escape"),
        pytest.param("a\ud800b", "a\ufffdb", id="half a surrogate pair"),
        pytest.param("a\uffffb", "a\ufffdb", id="no character"),
        pytest.param('<a> & "b"', '<a> & "b"', id="XML's own signs"),
    ],
)
def test_junit_takes_any_reason(reason: str, expected: str) -> None:
    """What XML cannot hold is replaced, and what it has signs for is escaped, so that a parser takes it."""
    failure = junit(with_check(replace(REFUSED, reason=reason))).find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == expected


@pytest.mark.parametrize(
    "judgement",
    [
        pytest.param(with_check(replace(PASSED, name="runs on a\x00b")), id="check"),
        pytest.param(replace(with_check(PASSED), model="a\x1bb"), id="model"),
    ],
)
def test_junit_takes_any_name(judgement: Judgement) -> None:
    """Control characters in a runtime's or a model's name still give XML that a parser takes."""
    assert junit(judgement).get("tests") == "1"


@pytest.mark.parametrize(
    ("judgement", "heading"),
    [
        pytest.param(SHIPS, "## ✅ rowstream-tiny 1.2.3: passed (4,500 images: the digits)", id="passed"),
        pytest.param(DOES_NOT_SHIP, "## ❌ rowstream-tiny 1.2.3: refused (4,500 images: the digits)", id="refused"),
        pytest.param(UNDECIDED, "## ❔ rowstream-tiny 1.2.3: not judged (4,500 images: the digits)", id="not judged"),
    ],
)
def test_markdown_starts_with_the_verdict(judgement: Judgement, heading: str) -> None:
    """The summary's heading is the verdict; the text ends with the same."""
    assert as_markdown(judgement).splitlines()[0] == heading
    assert as_text(judgement).splitlines()[-1] == heading[5:]


def test_markdown_has_a_table_of_the_checks() -> None:
    """The checks stand in a table of GitHub's, a stage's name beside its first check alone."""
    lines = as_markdown(SHIPS).splitlines()[2:]
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if not line.startswith("|-")] == [
        ["stage", "check", "measured", "limit", "verdict"],
        ["images", "images", "4,500", "≥ 1,000", "passed"],
        ["", "classes", "4,500", "≥ 1,000", "passed"],
    ]
    assert set(lines[1]) == {"|", "-"}


@pytest.mark.parametrize("write", [as_text, as_markdown])
def test_reasons_are_listed_but_not_those_that_follow(write: Callable[[Judgement], str]) -> None:
    """Each reason is listed with its check, but not for the stages that wait for one that was refused."""
    written = write(DOES_NOT_SHIP)
    assert "- refused: drop: 0.75 pp is not ≤ 0.50 pp\n- not judged: time: the float twin is not at hand\n" in written
    assert "refused at accuracy" not in written


def test_text_shows_the_diagnosis() -> None:
    """Tensors, classes and images that differ stand in tables of their own below the reasons."""
    lines = [line.split() for line in as_text(DOES_NOT_SHIP).splitlines()]
    for words in ("7 lstm/add -3.2", "0 crop inf", "seven 450 99.5 96.25", "42 seven seven (0.95) one (0.62)"):
        assert words.split() in lines


@pytest.mark.parametrize(
    ("count", "title"),
    [
        (1, "Images on which float and int8 disagree:"),
        (10, "Images on which float and int8 disagree:"),
        (11, "Images on which float and int8 disagree, 10 of 11:"),
        (1_234, "Images on which float and int8 disagree, 10 of 1,234:"),
    ],
)
@pytest.mark.parametrize("write", [as_text, as_markdown])
def test_shows_ten_rows_at_most(write: Callable[[Judgement], str], count: int, title: str) -> None:
    """Of more than ten rows the first ten are shown, and the title says how many there are."""
    images = tuple(Disagreement(1_000 + place, "two", "seven", 0.5, "one", 0.5) for place in range(count))
    written = write(replace(SHIPS, diagnosis=Diagnosis((), (), images)))
    assert title in written.splitlines()
    assert written.count("seven (0.50)") == min(count, 10)
    assert ("1009" in written) == (count >= 10)
    assert "1010" not in written


def test_an_empty_diagnosis_shows_no_tables() -> None:
    """What a diagnosis found nothing of has no title either."""
    assert as_text(replace(SHIPS, diagnosis=Diagnosis((), (), ()))) == as_text(SHIPS)


def test_writes_three_files_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """The reports lie in a folder that is made where there is none, and are replaced where it has them."""
    folder = ReportFolder(tmp_path / "build" / "gate")
    for judgement in (SHIPS, DOES_NOT_SHIP):
        write_reports(judgement, folder)
        assert sorted(path.name for path in folder.path.iterdir()) == ["gate.json", "junit.xml", "summary.md"]
        assert folder.json.read_text(encoding="utf-8") == as_json(judgement)
        assert folder.junit.read_bytes() == as_junit(judgement)
        assert folder.summary.read_text(encoding="utf-8") == as_markdown(judgement)
