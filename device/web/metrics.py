"""What Prometheus collects of a watched source.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .snapshots import Snapshot

METRICS = "text/plain; version=0.0.4; charset=utf-8"

_COUNTS: Mapping[str, str] = MappingProxyType(
    {
        "readings": "Readings of the field.",
        "unsure": "Readings with an unsure digit, or without a digit.",
        "failed": "Readings that failed a check.",
    }
)


def exposition(snapshot: Snapshot) -> str:
    """Returns the counts of a source, and of each field that was read the last good value and what was unsure."""
    fields = snapshot.fields
    values = {name: each.last_good for name, each in fields.items() if each.last_good is not None}
    return "".join(
        [
            _metric("frames_total", "counter", "Frames read.", snapshot.frames),
            _metric("frames_dropped_total", "counter", "Frames replaced before they were read.", snapshot.dropped),
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


def _by_field(name: str, kind: str, text: str, values: Mapping[str, float]) -> str:
    # A field's name has no character that would have to be escaped.
    lines = [f'rowstream_{name}{{field="{field}"}} {value}\n' for field, value in values.items()]
    return _head(name, kind, text) + "".join(lines) if lines else ""


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP rowstream_{name} {text}\n# TYPE rowstream_{name} {kind}\n"
