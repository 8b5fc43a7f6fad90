"""Manifests of formats 1 and 2, which knew digits alone, as format 3."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

FORMAT_VERSION = 3
DIGITS_FORMATS = (1, 2)
READ_FORMATS = (*DIGITS_FORMATS, FORMAT_VERSION)
# What the first manifests did not say yet, each with what it means that it is missing.
_LATER = MappingProxyType({"not_streamable": "", "early_exit": None, "rejection": None, "golden_sha256": ""})


def format_fault(version: object) -> str:
    """Returns what is wrong with the number of a format; empty if it is one that is read."""
    if version in READ_FORMATS and not isinstance(version, bool):
        return ""
    return f"Expected manifest format {READ_FORMATS[0]} to {READ_FORMATS[-1]}. Received: {version}"


def upgraded(written: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of format 1 or 2 as format 3; raises ValueError if some are missing.

    Format 1 had no golden crops, and listed the runtimes on which the model had been tried.
    """
    fields = {**_LATER, **written}
    fields.pop("runtimes", None)
    try:
        answer = {name: fields.pop(name) for name in ("labels", "temperature", "threshold")}
        image = {"kind": "image", "pixels": [0.0, 1.0], "normalisation": "digits", "type": "int8"}
        fields["input"] = {**fields["input"], **image}
        fields["states"] = [{**state, "type": "int8"} for state in fields["states"]]
        output = {"kind": "classes", "per_step": False, "units": "", "decoding": "", "type": "int8"}
        fields["outputs"] = [{**fields.pop("output"), **output, **answer}]
    except (KeyError, TypeError) as error:
        raise ValueError(f"Expected the fields of format {fields['format_version']}. {error!r}") from error
    return fields | {"format_version": FORMAT_VERSION, "continuous": False, "precision": "int8", "fidelity": []}
