"""Writes a judgement as a table for people, JSON for programs, JUnit XML and Markdown for CI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from tabulate import tabulate

from device.whole_file import write_whole
from pipeline.data.splits import OWN_TEST_INPUTS
from pipeline.folders import ReportFolder
from pipeline.gate.check import Verdict
from pipeline.gate.gate_json import as_json
from pipeline.gate.judgement import Judgement
from pipeline.gate.record import Measurements

_MAX_ROWS = 10
_MARKDOWN = "github"
# A refusal of one of these is explained by where int8 differs from float.
_COMPARES_WITH_FLOAT = frozenset({"accuracy", "confidence", "conversion"})


def write_reports(judgement: Judgement, folder: ReportFolder) -> None:
    """Writes `gate.json`, `junit.xml` and `summary.md` into a folder, which it creates if needed."""
    write_whole(folder.junit, as_junit(judgement))
    write_whole(folder.summary, as_markdown(judgement))
    write_whole(folder.json, as_json(judgement))  # last, because it is what a release needs


def as_text(judgement: Judgement) -> str:
    """Returns the checks as a table, with reasons and figures below it, and the verdict in the last line."""
    return "\n\n".join([_table(judgement, "simple"), *_details(judgement, "simple"), _headline(judgement)])


def as_markdown(judgement: Judgement) -> str:
    """Returns a judgement as Markdown: the verdict as a heading, reasons and figures, and the table."""
    sign = {Verdict.PASSED: "✅", Verdict.REFUSED: "❌", Verdict.NOT_JUDGED: "❔"}[judgement.verdict]
    heading = f"## {sign} {_headline(judgement)}"
    return "\n\n".join([heading, *_details(judgement, _MARKDOWN), _table(judgement, _MARKDOWN)]) + "\n"


def as_junit(judgement: Judgement) -> bytes:
    """Returns a test suite with a case for each check: a failure if refused, an error if not judged.

    Source: the JUnit schema that Jenkins publishes (jenkinsci/xunit-plugin, junit-10.xsd).
    """
    checks = [(stage, check) for stage in judgement.stages for check in stage.checks]
    count = {verdict: str(sum(check.verdict is verdict for _, check in checks)) for verdict in Verdict}
    suite = ET.Element(
        "testsuite",
        name=_printable(f"gate.{judgement.model}"),
        tests=str(len(checks)),
        failures=count[Verdict.REFUSED],
        errors=count[Verdict.NOT_JUDGED],
    )
    for stage, check in checks:
        group, name = _printable(f"{judgement.model}.{stage.name}"), _printable(check.name)
        case = ET.SubElement(suite, "testcase", classname=group, name=name, time="0")
        if check.verdict is not Verdict.PASSED:
            kind = "failure" if check.verdict is Verdict.REFUSED else "error"
            ET.SubElement(case, kind, message=_printable(check.reason), type=check.verdict.value)
    ET.indent(suite)
    return bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _headline(judgement: Judgement) -> str:
    what = "" if judgement.source.startswith(OWN_TEST_INPUTS) else "images: "
    return f"{judgement.model} {judgement.version}: {judgement.outcome} ({judgement.images:,} {what}{judgement.source})"


def _table(judgement: Judgement, style: str) -> str:
    rows = [
        (stage.name if index == 0 else "", check.name, check.measured, check.limit, check.verdict.value)
        for stage in judgement.stages
        for index, check in enumerate(stage.checks)
    ]
    return _grid(("stage", "check", "measured", "limit", "verdict"), rows, style)


def _details(judgement: Judgement, style: str) -> Iterator[str]:
    failures = list(judgement.failures)
    if failures:
        yield "\n".join(f"- {check.verdict.value}: {check.name}: {check.reason}" for _, check in failures)
    if judgement.notes:
        yield "\n".join(["Without a limit:", "", *(f"- {note.name}: {note.text}" for note in judgement.notes)])
    refused = {stage for stage, check in failures if check.verdict is Verdict.REFUSED}
    if judgement.measurements is not None and refused & _COMPARES_WITH_FLOAT:
        yield from _differences(judgement.measurements, style)


def _differences(measured: Measurements, style: str) -> Iterator[str]:
    """Yields where in the graph int8 loses the signal, which classes it loses, and on which images it differs."""
    worst = sorted(measured.tensors, key=lambda tensor: tensor.snr_db)
    lost = sorted((each for each in measured.classes if each.change_pp < 0), key=lambda each: each.change_pp)
    tensors = [(tensor.index, tensor.name, f"{tensor.snr_db:.1f}") for tensor in worst]
    classes = [(each.label, each.images, f"{each.float_percent:.2f}", f"{each.int8_percent:.2f}") for each in lost]
    images = []
    for each in measured.disagreements:
        answers = (each.float_answer, each.float_probability), (each.int8_answer, each.int8_probability)
        images.append((each.image, each.shown, *(f"{label} ({probability:.2f})" for label, probability in answers)))
    for title, headers, rows in (
        ("Signal-to-noise ratio of int8 against float, worst first", ("index", "tensor", "dB"), tensors),
        ("Classes with lower recall, worst first", ("class", "images", "float recall %", "int8 recall %"), classes),
        ("Images on which float and int8 disagree", ("image", "shows", "float", "int8"), images),
    ):
        if rows:
            part = f", {_MAX_ROWS} of {len(rows):,}" if len(rows) > _MAX_ROWS else ""
            yield f"{title}{part}:\n\n{_grid(headers, rows[:_MAX_ROWS], style)}"


def _grid(headers: tuple[str, ...], rows: list[tuple[Any, ...]], style: str) -> str:
    # In a Markdown table a bar ends a cell, and a line feed a row.
    bar = "\\|" if style == _MARKDOWN else "|"
    cells = [[str(cell).replace("|", bar).replace("\n", " ") for cell in row] for row in rows]
    return tabulate(cells, headers, tablefmt=style, disable_numparse=True)


def _printable(text: str) -> str:
    # XML 1.0 has no way to write control characters, and a tensor's name may hold any.
    return "".join(character if character.isprintable() else "�" for character in text)
