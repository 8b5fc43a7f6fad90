"""What the page is told, as JSON: a digit read row by row, the model, and a source's newest state.

Not how it gets there (`device.web.application`). The forms are described in `page/openapi.json`.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import cv2

from ..arrays import Crop, Image
from ..runner import Prediction, Runner
from ..sources.frames import elapsed_ms
from ..vision.boxes import Box
from ..watch.watcher import DigitReading, Observation
from .snapshots import Snapshot
from .upload import Upload

# The picture is for looking at: no larger than that, and no better.
_LONGEST_SIDE_PX = 960
_JPEG_QUALITY = 80
# Of more digits than that in a frame, the others are boxes alone.
_MAX_READ = 12
# Of a probability, so many digits are told.
_DIGITS = 6

_NOTHING: dict[str, Any] = {
    "label": None,
    "index": None,
    "probability": None,
    "top": [],
    "lines_read": 0,
    "latency_ms": 0.0,
    "box": None,
    "crop": None,
    "steps": [],
}


def answer(runner: Runner, upload: Upload) -> dict[str, Any]:
    """Returns what the runner says of an upload: the last answer, and the answer after each time step."""
    if upload.crop is None:
        return _NOTHING
    started = time.perf_counter()
    prediction = runner.read(upload.crop)
    latency_ms = elapsed_ms(started)
    return _told(prediction, upload.box, latency_ms) | _steps(runner, upload.crop)


def model(runner: Runner, *, live: bool) -> dict[str, Any]:
    """Returns what there is to know of the model, and whether a source is watched with it."""
    manifest = runner.manifest
    return {
        "name": manifest.name,
        "release": manifest.version,
        "runtime": f"{runner.runtime.name} {runner.runtime.version}",
        "labels": manifest.labels,
        "time_axis": manifest.time_axis,
        "steps": manifest.steps,
        "lines_per_step": manifest.lines_per_step,
        "threshold": manifest.threshold,
        "live": live,
    }


def state(runner: Runner, snapshot: Snapshot) -> dict[str, Any]:
    """Returns a source's state, with the picture, and of its digits the answer after each time step."""
    observation = snapshot.observation
    frame = None if observation is None else observation.frame
    return {
        "sequence": snapshot.sequence,
        "frame": None if frame is None else frame.number,
        "time": None if frame is None else frame.time.isoformat(timespec="milliseconds"),
        "frames": snapshot.frames,
        "candidates": snapshot.candidates,
        "rejected": snapshot.rejected,
        "dropped": snapshot.dropped,
        "rate_hz": round(snapshot.rate_hz, 1),
        "ended": snapshot.ended,
        "picture": None if frame is None else _picture(frame.image),
        "readings": [] if observation is None else _readings(runner, observation),
    }


def event(content: dict[str, Any]) -> bytes:
    """Returns a server-sent event."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


def _readings(runner: Runner, observation: Observation) -> list[dict[str, Any]]:
    found = [reading for reading in observation.readings if reading.box is not None]
    return [_reading(runner, reading, in_full=place < _MAX_READ) for place, reading in enumerate(found)]


def _reading(runner: Runner, reading: DigitReading, *, in_full: bool) -> dict[str, Any]:
    if reading.prediction is None:
        return _NOTHING
    told = _told(reading.prediction, reading.box, reading.timings.infer_ms)
    return told | (_steps(runner, reading.crop) if in_full and reading.crop is not None else {})


def _told(prediction: Prediction, box: Box | None, latency_ms: float) -> dict[str, Any]:
    return _NOTHING | {
        "label": prediction.label,
        "index": prediction.index,
        "probability": round(prediction.probability, _DIGITS),
        "top": [(label, round(probability, _DIGITS)) for label, probability in prediction.top],
        "lines_read": prediction.lines_read,
        "latency_ms": round(latency_ms, 3),
        "box": None if box is None else (box.x, box.y, box.width, box.height),
    }


def _steps(runner: Runner, crop: Crop) -> dict[str, Any]:
    steps = [
        {
            "lines_read": after.lines_read,
            "label": after.label,
            "index": after.index,
            "probability": round(after.probability, _DIGITS),
            "probabilities": [round(probability, _DIGITS) for probability in runner.probabilities or ()],
        }
        for after in runner.steps(crop)
    ]
    return {"crop": base64.b64encode(crop.tobytes()).decode(), "steps": steps}


def _picture(image: Image) -> dict[str, Any]:
    height, width = image.shape[:2]
    zoom = min(1.0, _LONGEST_SIDE_PX / max(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    small = image if zoom == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    return {"jpeg": base64.b64encode(jpeg.tobytes()).decode(), "width": width, "height": height}
