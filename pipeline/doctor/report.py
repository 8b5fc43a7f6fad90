"""A diagnosis as text."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from pipeline.doctor.examine import Diagnosis
from pipeline.doctor.finding import Finding


def as_text(diagnosis: Diagnosis) -> str:
    """Return the way of the data as a table, then each finding, then the repaired program."""
    return "\n".join(_parts(diagnosis))


def _parts(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.rows:
        rows = [(row.layer, row.kind, row.shape) for row in diagnosis.rows]
        yield tabulate(rows, headers=("layer", "kind", "shape after it (* is time)"), disable_numparse=True)
    for finding in sorted(diagnosis.findings, key=lambda each: not each.is_sick):
        yield from ("", *_lines(finding))
    if not diagnosis.is_sick:
        yield from ("", "healthy")
    if diagnosis.program:
        yield from ("", "The repaired program:", "", diagnosis.program.rstrip())


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.layer}: {finding.kind}" if finding.is_sick else f"{finding.layer}: note: {finding.kind}"
    yield f"  {finding.what}"
    yield f"  because {finding.why}"
    yield f"  mend: {finding.mend}"
