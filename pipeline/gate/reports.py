"""A judgement as a table for people, JSON for programs, JUnit XML for a CI's test page, Markdown for its summary."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from tabulate import tabulate

from pipeline.folders import ReportFolder
from pipeline.gate.check import Verdict
from pipeline.gate.diagnosis import Diagnosis
from pipeline.gate.gate_json import as_json
from pipeline.gate.judgement import Judgement

_SHOWN = 10
_MARKDOWN = "github"


def write_reports(judgement: Judgement, folder: ReportFolder) -> None:
    """Writes `gate.json`, `junit.xml` and `summary.md`, in a folder that it makes where there is none."""
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.json.write_text(as_json(judgement), encoding="utf-8")
    folder.junit.write_bytes(as_junit(judgement))
    folder.summary.write_text(as_markdown(judgement), encoding="utf-8")


def as_text(judgement: Judgement) -> str:
    """Returns the checks as a table, with the reasons and whatever helps below it."""
    return "\n\n".join([_table(judgement, "simple"), *_below(judgement, "simple"), _last_line(judgement)])


def as_markdown(judgement: Judgement) -> str:
    """Returns the same as Markdown, under a heading."""
    sign = {Verdict.PASSED: "✅", Verdict.REFUSED: "❌", Verdict.NOT_JUDGED: "❔"}[judgement.verdict]
    heading = f"## {sign} {_last_line(judgement)}"
    return "\n\n".join([heading, *_below(judgement, _MARKDOWN), _table(judgement, _MARKDOWN)]) + "\n"


def as_junit(judgement: Judgement) -> bytes:
    """Returns a test suite of the checks: refused is a failure, not judged an error.

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
        place, name = _printable(f"{judgement.model}.{stage.name}"), _printable(check.name)
        case = ET.SubElement(suite, "testcase", classname=place, name=name, time="0")
        if check.verdict is not Verdict.PASSED:
            kind = "failure" if check.verdict is Verdict.REFUSED else "error"
            ET.SubElement(case, kind, message=_printable(check.reason), type=check.verdict.value)
    ET.indent(suite)
    return bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _last_line(judgement: Judgement) -> str:
    images = f"{judgement.images:,} images: {judgement.source}"
    return f"{judgement.model} {judgement.version}: {judgement.verdict.value} ({images})"


def _table(judgement: Judgement, style: str) -> str:
    rows = [
        (stage.name if place == 0 else "", check.name, check.measured, check.limit, check.verdict.value)
        for stage in judgement.stages
        for place, check in enumerate(stage.checks)
    ]
    headers = ("stage", "check", "measured", "limit", "verdict")
    return _grid(headers, rows, style)


def _below(judgement: Judgement, style: str) -> list[str]:
    reasons = [
        f"- {check.verdict.value}: {check.name}: {check.reason}"
        for stage in judgement.stages
        for check in stage.checks
        if check.reason and not check.reason.startswith("refused at ")
    ]
    parts = ["\n".join(reasons)] if reasons else []
    return parts + (_help(judgement.diagnosis, style) if judgement.diagnosis is not None else [])


def _help(diagnosis: Diagnosis, style: str) -> list[str]:
    tensors = [(tensor.place, tensor.name, f"{tensor.snr_db:.1f}") for tensor in diagnosis.tensors]
    classes = [(c.label, c.images, c.float_recall_percent, c.int8_recall_percent) for c in diagnosis.classes]
    images = [
        (
            d.image,
            d.shown,
            f"{d.float_answer} ({d.float_probability:.2f})",
            f"{d.int8_answer} ({d.int8_probability:.2f})",
        )
        for d in diagnosis.disagreements
    ]
    parts = (
        ("Signal to noise of int8 against float, worst first", ("place", "tensor", "dB"), tensors),
        ("Classes that lost, worst first", ("class", "images", "float recall %", "int8 recall %"), classes),
        ("Images on which float and int8 disagree", ("image", "shows", "float", "int8"), images),
    )
    return [_some(title, headers, rows, style) for title, headers, rows in parts if rows]


def _some(title: str, headers: tuple[str, ...], rows: list[tuple[Any, ...]], style: str) -> str:
    shown = f", {_SHOWN} of {len(rows):,}" if len(rows) > _SHOWN else ""
    return f"{title}{shown}:\n\n{_grid(headers, rows[:_SHOWN], style)}"


def _grid(headers: tuple[str, ...], rows: list[tuple[Any, ...]], style: str) -> str:
    # In Markdown's tables a bar ends a cell, and a line feed a row.
    bar = "\\|" if style == _MARKDOWN else "|"
    cells = [[str(cell).replace("|", bar).replace("\n", " ") for cell in row] for row in rows]
    return tabulate(cells, headers, tablefmt=style, disable_numparse=True)


def _printable(text: str) -> str:
    # XML 1.0 has no way to write control characters, and a tensor's name may hold any.
    return "".join(character if character.isprintable() else "�" for character in text)
