"""The table that `convert` prints, and the file that holds a row of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tabulate import tabulate

from device.contract.manifest import Accuracy, Fidelity
from device.files.typed_json import parsed
from device.files.whole_file import write_whole


@dataclass(frozen=True)
class Evaluation:
    """A variant's row of the table that `convert` prints."""

    variant: str
    accuracy: Accuracy | None
    fidelity: Fidelity
    file_bytes: int
    latency_us: float


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Writes an evaluation as JSON; makes its folder if needed."""
    write_whole(path, json.dumps(asdict(evaluation), indent=2) + "\n")


def read_evaluation(path: Path) -> Evaluation:
    """Returns an evaluation that `write_evaluation` wrote; raises ValueError, naming the file, for any other file."""
    try:
        return parsed(Evaluation, json.loads(path.read_text()), "evaluation")
    except ValueError as error:
        raise ValueError(f"{path}: Expected an evaluation that `convert` wrote. {error}") from error


def table(evaluations: Iterable[Evaluation]) -> str:
    """Returns the evaluations as a text table."""
    rows = [(each.variant, *_figures(each.accuracy), each.fidelity.signal_to_noise_db, each.file_bytes,
             each.latency_us, *_source(each.accuracy)) for each in evaluations]  # fmt: skip
    headers = ("model", "float %", "int8 %", "drop pp", "agree %", "dB", "bytes", "µs", "inputs", "evaluated on")
    formats = ("", ".2f", ".2f", ".2f", ".2f", ".1f", ",", ".0f", ",", "")
    return tabulate(rows, headers, floatfmt=formats, intfmt=formats, tablefmt="simple")


def _figures(accuracy: Accuracy | None) -> tuple[float | None, ...]:
    if accuracy is None:
        return (None,) * 4
    percent = 100 * accuracy.float_accuracy, 100 * accuracy.int8_accuracy
    return (*percent, accuracy.accuracy_drop_pp, 100 * accuracy.agreement)


def _source(accuracy: Accuracy | None) -> tuple[int | None, str]:
    return (None, "") if accuracy is None else (accuracy.images, accuracy.source)
