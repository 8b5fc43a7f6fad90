"""`rowstream classify`: prints what a model says of the inputs in files, a line of JSON for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ..arrays import Crops
from ..contract.inputs import Input, InputForm, is_digits
from ..contract.predictions import answers_as_json, as_json
from ..exit_status import ExitStatus
from ..files.input_files import read_inputs
from ..pixels import INVERTED, looks_inverted
from ..runner import Runner
from .options import ClassifyOptions
from .process import complain, warn


def classify(options: ClassifyOptions, output: TextIO) -> ExitStatus:
    """Prints an answer for each input; a file that cannot be read costs the exit status, not the others' answers.

    Raises as `Runner` does if the model cannot be loaded, and OSError if the answers cannot be written.
    """
    status = ExitStatus.FINE
    warned = False
    with options.model.open() as runner:
        form, digits = InputForm(runner.manifest), is_digits(runner.manifest)
        for path in options.files:
            try:
                inputs = read_inputs(path, form)
            except (ImportError, OSError, ValueError) as error:
                status = complain(error)
                continue
            if digits and not warned:
                warned = _warn_of_inverted(path, inputs)
            for index, one in enumerate(inputs):
                for answer in _answers(runner, one, options):
                    line = {"source": str(path), "crop" if digits else "input": index, **answer}
                    output.write(json.dumps(line) + "\n")
    return status


def _warn_of_inverted(path: Path, crops: Crops) -> bool:
    inverted = next((index for index, crop in enumerate(crops) if looks_inverted(crop)), None)
    if inverted is not None:
        warn(f"{path}: crop {inverted} {INVERTED}, or give its image to `watch IMAGE --one`")
    return inverted is not None


def _answers(runner: Runner, one: Input, options: ClassifyOptions) -> Iterator[dict[str, Any]]:
    several = len(runner.manifest.outputs) > 1
    if options.partial or runner.manifest.continuous:
        for answer in runner.steps(one):
            yield answers_as_json(runner.partial_all or {}) if several else as_json(answer)
            if options.early_exit and runner.settled:
                return
    elif options.by_line or options.early_exit:
        answer = runner.read(one, early_exit=options.early_exit)
        yield answers_as_json(runner.partial_all or {}) if several else as_json(answer)
    else:
        yield answers_as_json(runner.classify_all(one))
