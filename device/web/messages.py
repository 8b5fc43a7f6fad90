"""The messages that the server sends as JSON, and how they are made from the model and a watched source.

`openapi` describes these classes, which therefore say everything that a client needs to know of them.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ..arrays import Crop
from ..arrays import Image as Pixels
from ..contract.inputs import InputForm, is_digits
from ..contract.predictions import Prediction
from ..pixels import INVERTED, looks_inverted
from ..runner import Runner
from ..sources.frames import Frame, elapsed_ms
from ..vision.boxes import Box
from ..watch.options import WatchOptions
from ..watch.watcher import Observation, Watcher
from .jpeg import jpeg_of
from .snapshots import Snapshot

_MAX_SIDE_PX = 960
_JPEG_QUALITY = 80
# Further digits in a frame are sent without their steps.
_MAX_WITH_STEPS = 12
_DECIMALS = 6


@dataclass(frozen=True)
class Error:
    """Why a request was refused: what was expected and what was received."""

    error: str


@dataclass(frozen=True)
class Model:
    """The model that reads, and whether the server watches a source with it."""

    name: str
    release: str
    sha256: Annotated[str, "Of the model's file."]
    runtime: Annotated[str, "The TFLite interpreter and its version."]
    digits: Annotated[bool, "Whether inputs are crops of digits; only for these are there pages."]
    kind: Annotated[Literal["image", "sequence"], "Images are of uint8, sequences of little-endian float32."]
    shape: Annotated[tuple[int, ...], "The axes of an input; an image with colours has red, green and blue last."]
    labels: tuple[str, ...]
    time_axis: Annotated[Literal["rows", "columns"], "What is read line by line."]
    steps: Annotated[int, "Time steps per crop."]
    lines_per_step: int
    threshold: Annotated[float, "Predictions with a lower probability are rejected."]
    live: Annotated[bool, "Whether a source is watched, so that /events is served."]


@dataclass(frozen=True)
class Step:
    """The prediction after a time step."""

    lines_read: int
    label: Annotated[str | None, "Null if the prediction is rejected."]
    index: int
    probability: float
    probabilities: Annotated[tuple[float, ...], "The probability of each class, in the order of the model's labels."]


@dataclass(frozen=True)
class Answer:
    """The reading of one digit."""

    label: Annotated[str | None, "Null if no candidate was found, or if the prediction is rejected."] = None
    index: Annotated[int | None, "The most probable class; null if no candidate was found."] = None
    probability: float | None = None
    top: Annotated[tuple[tuple[str, float], ...], "The three most probable classes."] = ()
    lines_read: int = 0
    latency_ms: Annotated[float, "How long the model took to read the crop line by line."] = 0.0
    box: Annotated[
        tuple[int, int, int, int] | None, "Left, top, width and height in the image; null if a crop was sent."
    ] = None
    crop: Annotated[str | None, "The 784 pixels that the model read, in base64."] = None
    steps: Annotated[tuple[Step, ...], "In a state, given for the first twelve digits only."] = ()
    warning: Annotated[str | None, "Given if a crop was sent that looks inverted."] = None


@dataclass(frozen=True)
class Image:
    """A frame, shrunk to at most 960 pixels a side; `width` and `height` are those of the frame itself."""

    jpeg: Annotated[str, "A JPEG file in base64."]
    width: int
    height: int


@dataclass(frozen=True)
class State:
    """The state of a watched source; null where there is no frame yet."""

    sequence: Annotated[int, "The number of this state, in increasing order."]
    frame: Annotated[int | None, "The frame's index in the source."]
    time: Annotated[str | None, "When the frame was captured, in ISO 8601."]
    frames: Annotated[int, "Frames read so far."]
    candidates: Annotated[int, "Candidates found so far."]
    rejected: Annotated[int, "Candidates rejected by the model so far."]
    dropped: Annotated[int, "Frames replaced by newer ones before they were read."]
    rate_hz: Annotated[float, "Frames read per second."]
    ended: Annotated[bool, "Whether the source has ended."]
    picture: Image | None
    readings: tuple[Answer, ...]


MESSAGES = (Error, Model, Step, Answer, Image, State)


def encode(message: object) -> bytes:
    """Returns a message as JSON."""
    return json.dumps(message, default=vars, separators=(",", ":")).encode()


def event(state: State) -> bytes:
    """Returns a state as a server-sent event."""
    return b"data: " + encode(state) + b"\n\n"


def model_of(runner: Runner, *, live: bool) -> Model:
    """Returns the message for a runner's model."""
    manifest = runner.manifest
    return Model(
        name=manifest.name,
        release=manifest.version,
        sha256=manifest.file.sha256,
        runtime=f"{runner.runtime.name} {runner.runtime.version}",
        digits=is_digits(manifest),
        kind=manifest.input.kind,
        shape=InputForm(manifest).shape,
        labels=tuple(manifest.labels),
        time_axis=manifest.time_axis,
        steps=manifest.steps,
        lines_per_step=manifest.lines_per_step,
        threshold=manifest.output.threshold,
        live=live,
    )


def answer_to(runner: Runner, crop: Crop) -> Answer:
    """Returns the reading of a crop."""
    started = time.perf_counter()
    prediction = runner.read(crop)
    answer = _with_steps(runner, _answer(prediction, None, elapsed_ms(started)), crop)
    warning = f"The crop {INVERTED}, or send its image larger, as a PNG" if looks_inverted(crop) else None
    return replace(answer, warning=warning)


def answer_in(runner: Runner, image: Pixels) -> Answer:
    """Returns the reading of the digit in an image of one, as `watch --one` reads it."""
    (reading,) = Watcher(runner, WatchOptions(one=True)).observe(Frame(image, 0)).readings
    if reading.prediction is None or reading.crop is None:
        return Answer()
    return _with_steps(runner, _answer(reading.prediction, reading.box, reading.timings.infer_ms), reading.crop)


def state_of(runner: Runner, snapshot: Snapshot) -> State:
    """Returns the message for a snapshot of a source."""
    observation = snapshot.observation
    frame = None if observation is None else observation.frame
    return State(
        sequence=snapshot.sequence,
        frame=None if frame is None else frame.number,
        time=None if frame is None else frame.time.isoformat(timespec="milliseconds"),
        frames=snapshot.frames,
        candidates=snapshot.candidates,
        rejected=snapshot.rejected,
        dropped=snapshot.dropped,
        rate_hz=round(snapshot.rate_hz, 1),
        ended=snapshot.ended,
        picture=None if frame is None else _image(frame.image),
        readings=() if observation is None else _readings(runner, observation),
    )


def _readings(runner: Runner, observation: Observation) -> tuple[Answer, ...]:
    answers: list[Answer] = []
    for reading in observation.readings:
        if reading.prediction is None or reading.crop is None:
            continue
        answer = _answer(reading.prediction, reading.box, reading.timings.infer_ms)
        answers.append(_with_steps(runner, answer, reading.crop) if len(answers) < _MAX_WITH_STEPS else answer)
    return tuple(answers)


def _answer(prediction: Prediction, box: Box | None, latency_ms: float) -> Answer:
    return Answer(
        label=prediction.label,
        index=prediction.index,
        probability=round(prediction.probability, _DECIMALS),
        top=tuple((label, round(probability, _DECIMALS)) for label, probability in prediction.top),
        lines_read=prediction.lines_read,
        latency_ms=round(latency_ms, 3),
        box=None if box is None else (box.x, box.y, box.width, box.height),
    )


def _with_steps(runner: Runner, answer: Answer, crop: Crop) -> Answer:
    steps = []
    for prediction in runner.steps(crop):
        probabilities = tuple(round(probability, _DECIMALS) for probability in runner.probabilities or ())
        probability = round(prediction.probability, _DECIMALS)
        steps.append(Step(prediction.lines_read, prediction.label, prediction.index, probability, probabilities))
    return replace(answer, crop=base64.b64encode(crop.tobytes()).decode(), steps=tuple(steps))


def _image(pixels: Pixels) -> Image:
    height, width = pixels.shape[:2]
    return Image(base64.b64encode(jpeg_of(pixels, _MAX_SIDE_PX, _JPEG_QUALITY)).decode(), width, height)
