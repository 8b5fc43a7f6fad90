"""Manifests of format 2, which knew digits alone, as format 3."""

from __future__ import annotations

from typing import Any

FORMAT_VERSION = 3
DIGITS_FORMAT = 2


def upgraded(written: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of format 2 as format 3; raises ValueError if some are missing."""
    fields = dict(written)
    try:
        answer = {name: fields.pop(name) for name in ("labels", "temperature", "threshold")}
        image = {"kind": "image", "pixels": [0.0, 1.0], "normalisation": "digits", "type": "int8"}
        fields["input"] = {**fields["input"], **image}
        fields["states"] = [{**state, "type": "int8"} for state in fields["states"]]
        output = {"kind": "classes", "per_step": False, "units": "", "decoding": "", "type": "int8"}
        fields["outputs"] = [{**fields.pop("output"), **output, **answer}]
    except (KeyError, TypeError) as error:
        raise ValueError(f"Expected the fields of format {DIGITS_FORMAT}. {error!r}") from error
    return fields | {"format_version": FORMAT_VERSION, "continuous": False, "precision": "int8", "fidelity": []}
