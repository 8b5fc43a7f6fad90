"""Writes the model card: what a person needs to know of a release, from its manifest alone.

What the gate measured is added when it is drawn (`pipeline.report.card`).

Source: Mitchell et al., Model Cards for Model Reporting, 2019.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from device.manifest import Manifest
from pipeline.folders import ModelFolder
from pipeline.variants import PREFIX, VARIANTS


def model_card(manifest: Manifest) -> str:
    """Returns the card as Markdown.

    Raises:
        ValueError: the manifest's model has not been judged.
    """
    if manifest.accuracy is None:
        raise ValueError(f"Expected a manifest with its accuracy. {manifest.name} has not been judged")
    template = resources.files("pipeline.release").joinpath("card.md.j2").read_text(encoding="utf-8")
    # Markdown, not HTML: escaping would spoil it.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    variant = manifest.name.removeprefix(PREFIX)
    return environment.from_string(template).render(
        m=manifest,
        a=manifest.accuracy,
        e=manifest.early_exit,
        variant=variant,
        known=variant in VARIANTS,
        float_model=(ModelFolder(Path()).weights if variant in VARIANTS else ModelFolder(Path()).network).name,
    )
