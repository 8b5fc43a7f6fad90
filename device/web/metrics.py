"""What Prometheus collects of a watched source.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .. import __version__
from .messages import Model
from .snapshots import Snapshot

METRICS = "text/plain; version=0.0.4; charset=utf-8"

_COUNTS: Mapping[str, str] = MappingProxyType(
    {
        "readings": "Readings of the field.",
        "unsure": "Readings with an unsure digit, or without a digit.",
        "failed": "Readings that failed a check.",
    }
)


def exposition(snapshot: Snapshot, model: Model, now_s: float) -> str:
    """Returns the model, the counts of a source, and of each field that was read the last good value and its counts.

    `now_s` is the time by `time.monotonic`, from which the last frame's age is taken.
    """
    described = {"name": model.name, "version": model.release, "sha256": model.sha256, "runtime": model.runtime}
    fields = snapshot.fields
    values = {name: each.last_good for name, each in fields.items() if each.last_good is not None}
    return "".join(
        [
            _info("build", "The version of Rowstream.", {"version": __version__}),
            _info("model", "The model that reads.", described),
            _metric("frames_total", "counter", "Frames read.", snapshot.frames),
            _metric("frames_dropped_total", "counter", "Frames replaced before they were read.", snapshot.dropped),
            _metric("frames_failed_total", "counter", "Frames that could not be read.", snapshot.failed),
            _metric("interruptions_total", "counter", "Times the source was lost.", snapshot.interruptions),
            _latency(snapshot),
            _age(snapshot, now_s),
            _metric("candidates_total", "counter", "Candidates found.", snapshot.candidates),
            _metric("rejected_total", "counter", "Candidates that are not digits.", snapshot.rejected),
            _metric("frames_per_second", "gauge", "Frames read in a second.", round(snapshot.rate_hz, 3)),
            _by_field("field_value", "gauge", "The last value that was sure and failed no check.", values),
            *(
                _by_field(
                    f"field_{name}_total", "counter", text, {key: getattr(each, name) for key, each in fields.items()}
                )
                for name, text in _COUNTS.items()
            ),
        ]
    )


def _metric(name: str, kind: str, text: str, value: float) -> str:
    return f"{_head(name, kind, text)}rowstream_{name} {value}\n"


def _latency(snapshot: Snapshot) -> str:
    """Returns a summary without quantiles, whose mean over any time is the rate of one over that of the other."""
    head = _head("read_seconds", "summary", "Time to find and read everything in a frame.")
    total_s = round(snapshot.latency_ms / 1e3, 6)
    return f"{head}rowstream_read_seconds_sum {total_s}\nrowstream_read_seconds_count {snapshot.frames}\n"


def _age(snapshot: Snapshot, now_s: float) -> str:
    if not snapshot.frames:
        return ""  # there is no such time yet
    age_s = round(now_s - snapshot.taken_s, 3)
    return _metric("last_frame_age_seconds", "gauge", "Time since the last frame was read.", age_s)


def _info(name: str, text: str, labels: Mapping[str, str]) -> str:
    """Returns a metric that is always 1 and says something by its labels, none of which has to be escaped."""
    written = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{_head(f'{name}_info', 'gauge', text)}rowstream_{name}_info{{{written}}} 1\n"


def _by_field(name: str, kind: str, text: str, values: Mapping[str, float]) -> str:
    # A field's name has no character that would have to be escaped.
    lines = [f'rowstream_{name}{{field="{field}"}} {value}\n' for field, value in values.items()]
    return _head(name, kind, text) + "".join(lines) if lines else ""


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP rowstream_{name} {text}\n# TYPE rowstream_{name} {kind}\n"
