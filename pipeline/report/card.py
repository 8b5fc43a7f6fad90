"""What the gate measured, on the model card: a section with figures and two pictures, of `gate.json` alone.

The card itself is made with the release, before anything is judged (`pipeline.report.model_card`).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from tabulate import tabulate

from device.manifest import MANIFEST_NAME, read_manifest
from pipeline.folders import ModelFolder
from pipeline.gate.judgement import Judgement
from pipeline.gate.record import Measurements
from pipeline.report import figures
from pipeline.report.model_card import model_card
from pipeline.report.page import render
from pipeline.report.svg import Drawing, with_minus


def write_card(folder: ModelFolder, name: str, judgement: Judgement) -> bool:
    """Writes a released model's card anew, with the section and its pictures; returns whether it did.

    It does not where the folder holds no release, or another file than the one judged.

    Raises:
        ManifestError: the folder's manifest cannot be read.
        OSError: a file cannot be written.
    """
    measured = judgement.measurements
    if measured is None or not (folder.path / MANIFEST_NAME).is_file():
        return False
    manifest = read_manifest(folder.path)
    if manifest.file.sha256 != judgement.file_sha256:
        return False
    drawn = tuple(_drawn(measured))
    for each in drawn:
        folder.picture(each.name).write_text(standalone(each), encoding="utf-8")
    folder.card.write_text(f"{model_card(manifest)}\n{section(name, judgement, drawn)}", encoding="utf-8")
    return True


def section(name: str, judgement: Judgement, drawn: tuple[Drawing, ...]) -> str:
    """Returns the section as Markdown; raises ValueError where nothing was measured."""
    if judgement.measurements is None:
        raise ValueError(f"Expected a judgement with measurements. {judgement.model} has none")
    table = tabulate(
        _figures(judgement.measurements), (f"{judgement.images:,} {judgement.source}", ""), tablefmt="github"
    )
    checks = sum(len(stage.checks) for stage in judgement.stages)
    pictures = "\n\n".join(f"![{each.title}. {each.description}]({each.name}.svg)" for each in drawn)
    return (
        f"## What the gate measured\n\n"
        f"`python -m pipeline gate models/{name}` says of this file: {judgement.verdict.value}, in {checks} checks.\n"
        f"`python -m pipeline report {name}` drew this from what it measured, and a page that has all of it.\n\n"
        f"{table}\n\n{pictures}\n"
    )


def standalone(drawing: Drawing) -> str:
    """Returns a drawing as an SVG file of its own, in the page's colours, light or dark as its reader has it."""
    root = ET.fromstring(drawing.svg)  # noqa: S314  # made here
    _, _, width, height = root.get("viewBox", "0 0 1 1").split()
    root.attrib.update({"width": width, "height": height})
    style = ET.Element("{http://www.w3.org/2000/svg}style")
    style.text = render("colours.css.j2") + "\nsvg { background: var(--paper); font-family: var(--sans); }"
    root.insert(0, style)
    return f"{ET.tostring(root, encoding='unicode')}\n"


def _drawn(measured: Measurements) -> Iterator[Drawing]:
    yield figures.recall(measured.classes)
    if measured.early_exit is not None:
        yield figures.reading(measured.early_exit, measured.provenance)


def _figures(measured: Measurements) -> Iterator[tuple[str, str]]:
    overall, latency = measured.overall, measured.latency
    worst = min(measured.classes, key=lambda each: each.change_pp)
    yield "read right, float and int8", f"{overall.float_percent:.2f} % and {overall.int8_percent:.2f} %"
    for of, each in (("all", overall), (f"class {worst.label}, the worst", worst)):
        change = f"{each.change_pp:+.2f} points, in 95 % of cases {each.low_pp:+.2f} to {each.high_pp:+.2f}"
        yield f"change of {of}", with_minus(change)
    errors = (measured.float.calibration_error_pp, measured.int8.calibration_error_pp)
    yield "calibration error, float and int8", "{:.2f} and {:.2f} points".format(*errors)
    if measured.tensors:
        tensor = min(measured.tensors, key=lambda each: each.snr_db)
        yield "least signal to noise", with_minus(f"{tensor.snr_db:.1f} dB, tensor {tensor.index}")
    times = f"{latency.median_ms:.3f} ms, of 99 % at most {latency.p99_ms:.3f} ms"
    yield "from crop to answer, where it was judged", times
