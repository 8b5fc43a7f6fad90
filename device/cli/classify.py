"""`python -m device classify`: prints what a model says of the crops in files, a line of JSON for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ..arrays import Crop, Crops
from ..crop_files import read_crops
from ..exit_status import ExitStatus
from ..pixels import INVERTED, looks_inverted
from ..runner import Prediction, Runner
from .options import ClassifyOptions
from .process import complain, warn


def classify(options: ClassifyOptions, output: TextIO) -> ExitStatus:
    """Prints an answer for each crop; a file that cannot be read costs the exit status, not the others' answers.

    Raises as `Runner` does if the model cannot be loaded, and OSError if the answers cannot be written.
    """
    status = ExitStatus.FINE
    warned = False
    with options.model.open() as runner:
        for path in options.crops:
            try:
                crops = read_crops(path)
            except (ImportError, OSError, ValueError) as error:
                status = complain(error)
                continue
            if not warned:
                warned = _warn_of_inverted(path, crops)
            for index, crop in enumerate(crops):
                for answer in _answers(runner, crop, options):
                    line = {"source": str(path), "crop": index, **answer._asdict()}
                    output.write(json.dumps(line) + "\n")
    return status


def _warn_of_inverted(path: Path, crops: Crops) -> bool:
    inverted = next((index for index, crop in enumerate(crops) if looks_inverted(crop)), None)
    if inverted is not None:
        warn(f"{path}: crop {inverted} {INVERTED}, or give its image to `watch IMAGE --one`")
    return inverted is not None


def _answers(runner: Runner, crop: Crop, options: ClassifyOptions) -> Iterator[Prediction]:
    if options.partial:
        for answer in runner.steps(crop):
            yield answer
            if options.early_exit and runner.settled:
                return
    elif options.by_line or options.early_exit:
        yield runner.read(crop, early_exit=options.early_exit)
    else:
        yield runner.classify(crop)
