"""Writes the model card from the manifest, and adds the gate's results to it: a section with figures and two charts.

Nothing in it depends on the machine: latency is on the report's pages alone.

Source: Mitchell et al., Model Cards for Model Reporting, 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jinja2
from tabulate import tabulate

from converters.workspace import MAX_UNROLLED_STEPS
from device.contract.manifest import MANIFEST_NAME, Manifest, read_manifest
from device.files.whole_file import write_whole
from pipeline.data.mnist import EMBEDDED, TEST_SOURCE
from pipeline.folders import ModelFolder
from pipeline.gate.judgement import Judgement
from pipeline.gate.record import Measurements
from pipeline.report import figures
from pipeline.report.chart import Chart, with_minus
from pipeline.report.page import render
from pipeline.variants import PREFIX, VARIANTS, is_small


def model_card(manifest: Manifest) -> str:
    """Returns the card as Markdown."""
    template = resources.files("pipeline.report").joinpath("templates/card.md.j2").read_text(encoding="utf-8")
    # Markdown, not HTML: escaping would spoil it.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    variant = manifest.name.removeprefix(PREFIX)
    files, accuracy = ModelFolder(Path()), manifest.accuracy
    return environment.from_string(template).render(
        m=manifest,
        a=accuracy,
        e=manifest.early_exit,
        variant=variant,
        known=variant in VARIANTS,
        step_alone=is_small(variant) or manifest.steps > MAX_UNROLLED_STEPS,
        digits=manifest.input.normalisation == "digits",
        tensors=(("in", manifest.input), *(("out", output) for output in manifest.outputs)),
        on_mnist_test=accuracy is not None and accuracy.source == TEST_SOURCE,
        on_embedded=accuracy is not None and EMBEDDED in accuracy.source,
        float_model=(files.weights if variant in VARIANTS else files.network).name,
    )


def write_card(folder: ModelFolder, name: str, judgement: Judgement) -> bool:
    """Writes the card of a model folder, with the gate's results and their charts; returns whether it did.

    It does not if the folder has no manifest, or another file than the one judged. Of answers that are not one class
    for each input there are no figures: the gate measures these of classes alone.
    """
    if not (folder.path / MANIFEST_NAME).is_file():
        return False
    manifest = read_manifest(folder.path)
    if manifest.file.sha256 != judgement.file_sha256:
        return False
    charts = () if judgement.measurements is None else tuple(_charts(judgement.measurements))
    for chart in charts:
        write_whole(folder.picture(chart.name), render("picture.svg.j2", chart=chart))
    write_whole(folder.card, f"{model_card(manifest)}\n{_section(name, judgement, charts)}")
    return True


def _section(name: str, judgement: Judgement, charts: tuple[Chart, ...]) -> str:
    checks = sum(len(stage.checks) for stage in judgement.stages)
    runtimes = ", ".join(f"{each.name} {each.version}" for each in judgement.runtimes)
    verdict = f"Verdict: {judgement.outcome}. {checks} checks{runtimes and f', on {runtimes}'}."
    again = f"make gate report {'VARIANT' if name in VARIANTS else 'NAME'}={name}"
    repeated = f"`{again}` repeats them, and writes a page with all figures."
    parts = ["## Gate results", f"{verdict}\n{repeated}"]
    if judgement.measurements is not None:
        headers = (f"{judgement.images:,} {judgement.source}", "")
        parts.append(tabulate(_figures(judgement.measurements), headers, tablefmt="github"))
    parts += [f"![{each.title}. {each.description}]({each.name}.svg)" for each in charts]
    return "\n\n".join(parts) + "\n"


def _charts(measured: Measurements) -> Iterator[Chart]:
    yield figures.recall(measured.classes)
    if measured.early_exit is not None:
        yield figures.reading(measured.manifest, measured.early_exit)


def _figures(measured: Measurements) -> Iterator[tuple[str, str]]:
    overall = measured.overall
    worst = min(measured.classes, key=lambda each: each.change_pp)
    yield "accuracy, float and int8", f"{overall.float_percent:.2f} % and {overall.int8_percent:.2f} %"
    for what, each in (("accuracy", overall), (f"recall of class {worst.label}, the worst", worst)):
        change = f"{each.change_pp:+.2f} percentage points, 95 % CI {each.low_pp:+.2f} to {each.high_pp:+.2f}"
        yield f"change of {what}", with_minus(change)
    errors = (measured.float.calibration_error_pp, measured.int8.calibration_error_pp)
    yield "expected calibration error, float and int8", "{:.2f} and {:.2f} percentage points".format(*errors)
    if measured.tensors:
        tensor = min(measured.tensors, key=lambda each: each.snr_db)
        yield "lowest signal-to-noise ratio", with_minus(f"{tensor.snr_db:.1f} dB, tensor {tensor.index}")
