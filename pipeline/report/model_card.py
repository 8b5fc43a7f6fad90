"""Writes the model card from the manifest alone; `pipeline.report.card` adds what the gate measured.

Source: Mitchell et al., Model Cards for Model Reporting, 2019.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from device.manifest import Manifest
from pipeline.data.mnist import EMBEDDED, TEST_SOURCE
from pipeline.folders import ModelFolder
from pipeline.variants import PREFIX, VARIANTS


def model_card(manifest: Manifest) -> str:
    """Return the card as Markdown."""
    template = resources.files("pipeline.report").joinpath("templates/card.md.j2").read_text(encoding="utf-8")
    # Markdown, not HTML: escaping would spoil it.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    variant = manifest.name.removeprefix(PREFIX)
    files = ModelFolder(Path())
    return environment.from_string(template).render(
        m=manifest,
        a=manifest.accuracy,
        e=manifest.early_exit,
        variant=variant,
        known=variant in VARIANTS,
        on_mnist_test=manifest.accuracy.source == TEST_SOURCE,
        on_embedded=EMBEDDED in manifest.accuracy.source,
        float_model=(files.weights if variant in VARIANTS else files.network).name,
    )
