"""Tests of a judgement's reports: the table, JUnit XML and Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipeline.folders import ReportFolder
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.gate_json import as_json
from pipeline.gate.judgement import Judgement, StageResult, skipped
from pipeline.gate.record import Example
from pipeline.gate.reports import as_junit, as_markdown, as_text, write_reports
from tests.support.measured import JUDGED, MEASURED

PASSED = Check("images", "4,500", "≥ 1,000", Verdict.PASSED, value=4_500)
REFUSED = Check("drop", "0.75 pp", "≤ 0.50 pp", Verdict.REFUSED, "0.75 pp is not ≤ 0.50 pp", 0.75)
NOT_JUDGED = Check("time", "", "", Verdict.NOT_JUDGED, "the float reference is missing")

SEVEN = Example(42, "seven", "seven", 0.9512, "one", 0.625, "")

SHIPS = replace(
    JUDGED,
    model="rowstream-tiny",
    images=4_500,
    stages=(StageResult("images", (PASSED, replace(PASSED, name="classes"))),),
    measurements=None,
)
DOES_NOT_SHIP = replace(
    SHIPS,
    stages=(
        StageResult("images", (PASSED,)),
        StageResult("accuracy", (REFUSED, NOT_JUDGED)),
        skipped("budget", refused_by="accuracy"),
    ),
    measurements=replace(MEASURED, disagreements=(SEVEN,)),
)
UNDECIDED = replace(SHIPS, stages=(StageResult("images", (PASSED,)), StageResult("budget", (NOT_JUDGED,))))


def with_check(check: Check) -> Judgement:
    return replace(SHIPS, stages=(StageResult("images", (check,)),))


def junit(judgement: Judgement) -> ET.Element:
    return ET.fromstring(as_junit(judgement))  # noqa: S314  # written here


def test_limits_that_refuse_nothing_are_in_the_verdict() -> None:
    """The last line of the table and the heading of the summary name them."""
    lax = replace(SHIPS, lax_limits=("images_min = 0", "recall_drop_pp_max = 100"))
    verdict = "passed, but these limits refuse nothing: images_min = 0, recall_drop_pp_max = 100 (4,500 images: "
    assert as_text(lax).splitlines()[-1].startswith(f"rowstream-tiny 1.2.3: {verdict}")
    assert as_markdown(lax).startswith(f"## ✅ rowstream-tiny 1.2.3: {verdict}")
    assert '"lax_limits": [\n    "images_min = 0",' in as_json(lax)


def test_junit_counts_its_cases() -> None:
    """The suite counts its cases; refused checks are failures, those not judged errors."""
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
            NOT_JUDGED, "error", {"message": "the float reference is missing", "type": "not judged"}, id="not judged"
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
        ("a\x00b", "a\ufffdb"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("a\ud800b", "a\ufffdb"),
        ("a\uffffb", "a\ufffdb"),
        ('<a> & "b"', '<a> & "b"'),
    ],
)
def test_junit_takes_any_reason(reason: str, expected: str) -> None:
    """Characters that XML cannot hold are replaced, and its own are escaped."""
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
    """Control characters in names still give valid XML."""
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
    """The summary's heading is the verdict, and the text's last line as well."""
    assert as_markdown(judgement).splitlines()[0] == heading
    assert as_text(judgement).splitlines()[-1] == heading[5:]


def test_markdown_has_a_table_of_the_checks() -> None:
    """The checks are in a Markdown table; a stage's name is beside its first check only."""
    lines = as_markdown(SHIPS).splitlines()[2:]
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if not line.startswith("|-")] == [
        ["stage", "check", "measured", "limit", "verdict"],
        ["images", "images", "4,500", "≥ 1,000", "passed"],
        ["", "classes", "4,500", "≥ 1,000", "passed"],
    ]
    assert set(lines[1]) == {"|", "-"}


def test_a_bar_in_a_name_ends_no_cell() -> None:
    """In Markdown it is escaped, and as text it stays."""
    judgement = with_check(replace(PASSED, name="one | two"))
    assert "one \\| two" in as_markdown(judgement)
    assert "one | two" in as_text(judgement)


@pytest.mark.parametrize("write", [as_text, as_markdown])
def test_reasons_are_listed_but_not_for_stages_that_were_not_run(write: Callable[[Judgement], str]) -> None:
    """Each reason is listed with its check; stages after a refusal are left out."""
    written = write(DOES_NOT_SHIP)
    assert "- refused: drop: 0.75 pp is not ≤ 0.50 pp\n- not judged: time: the float reference is missing\n" in written
    assert "accuracy refused" not in written


def test_text_shows_where_int8_differs_from_float() -> None:
    """Tensors, classes and images that differ are in tables below the reasons, worst first."""
    lines = [" ".join(line.split()) for line in as_text(DOES_NOT_SHIP).splitlines()]
    tensors = lines.index("2 logits 10.0")
    assert lines[tensors + 1 : tensors + 3] == ["1 lstm/add 30.0", "0 crop inf"]
    assert "two 4 75.00 50.00" in lines
    assert not [line for line in lines if line.startswith(("one 4", "three 4"))]
    assert "42 seven seven (0.95) one (0.62)" in lines


@pytest.mark.parametrize("stage", ["runtimes", "rejection", "budget"])
def test_other_refusals_show_no_differences(stage: str) -> None:
    """Where accuracy, confidence and conversion passed, the differences from float are left out."""
    judgement = replace(DOES_NOT_SHIP, stages=(StageResult(stage, (REFUSED,)),))
    assert "Signal-to-noise" not in as_text(judgement)


def test_notes_are_listed_below_the_table() -> None:
    """Figures without a limit are a list below the table, not rows of it."""
    noted = replace(SHIPS, stages=(StageResult("images", (PASSED,), (Note("float accuracy", "99.50 %"),)),))
    lines = as_text(noted).splitlines()
    assert lines[lines.index("Without a limit:") + 2] == "- float accuracy: 99.50 %"
    assert "Without a limit:" not in as_text(SHIPS)


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
    """Of more than ten rows the first ten are shown, and the title has their number."""
    images = tuple(Example(1_000 + index, "two", "seven", 0.5, "one", 0.5, "") for index in range(count))
    written = write(replace(DOES_NOT_SHIP, measurements=replace(MEASURED, disagreements=images)))
    assert title in written.splitlines()
    assert written.count("seven (0.50)") == min(count, 10)
    assert ("1009" in written) == (count >= 10)
    assert "1010" not in written


def test_empty_tables_are_left_out() -> None:
    """Without tensors, lost classes and disagreements there are no tables of them."""
    nothing = replace(MEASURED, tensors=(), classes=(MEASURED.classes[0],) * 3, names=("one",) * 3, disagreements=())
    text = as_text(replace(DOES_NOT_SHIP, measurements=nothing))
    assert text == as_text(replace(DOES_NOT_SHIP, measurements=None))


def test_writes_three_files_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """The reports are written into a new folder, or replace those in it."""
    folder = ReportFolder(tmp_path / "build" / "gate")
    for judgement in (SHIPS, DOES_NOT_SHIP):
        write_reports(judgement, folder)
        assert sorted(path.name for path in folder.path.iterdir()) == ["gate.json", "junit.xml", "summary.md"]
        assert folder.json.read_text(encoding="utf-8") == as_json(judgement)
        assert folder.junit.read_bytes() == as_junit(judgement)
        assert folder.summary.read_text(encoding="utf-8") == as_markdown(judgement)
