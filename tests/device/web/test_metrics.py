"""Tests of `device.web.metrics`: what Prometheus's own client reads in them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from device.runner import Runner
from device.web.messages import Model, model_of
from device.web.metrics import exposition
from device.web.snapshots import FieldCount, Snapshot
from tests.conftest import MODELS, ROOT

SNAPSHOT = Snapshot(
    frames=40,
    candidates=90,
    rejected=4,
    dropped=3,
    failed=2,
    interruptions=1,
    latency_ms=1_250.0,
    taken_s=1_000.0,
    rate_hz=9.87654,
    fields={"gas": FieldCount(127.4, 40, 5, 1), "water": FieldCount(None, 2, 2, 0)},
)


@pytest.fixture(scope="module")
def model() -> Model:
    with Runner(MODELS / "rows2d") as runner:
        return model_of(runner, live=True)


def families(snapshot: Snapshot, model: Model) -> dict[str, Metric]:
    """Returns the metrics by their names, as Prometheus's client reads them."""
    found = list(text_string_to_metric_families(exposition(snapshot, model, 1_002.5)))
    named = {family.name: family for family in found}
    assert len(named) == len(found)
    return named


def samples(family: Metric) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value for sample in family.samples}


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("rowstream_frames", "counter", 40),
        ("rowstream_frames_dropped", "counter", 3),
        ("rowstream_frames_failed", "counter", 2),
        ("rowstream_interruptions", "counter", 1),
        ("rowstream_candidates", "counter", 90),
        ("rowstream_rejected", "counter", 4),
        ("rowstream_frames_per_second", "gauge", 9.877),
        ("rowstream_last_frame_age_seconds", "gauge", 2.5),
    ],
)
def test_each_count_is_one_sample(name: str, kind: str, value: float, model: Model) -> None:
    """Counters and gauges have the value of the snapshot, and a text that explains them."""
    family = families(SNAPSHOT, model)[name]
    assert (family.type, [sample.value for sample in family.samples]) == (kind, [value])
    assert family.documentation.endswith(".")


def test_latency_is_a_summary(model: Model) -> None:
    """Its sum in seconds over its count is the mean time of a frame."""
    family = families(SNAPSHOT, model)["rowstream_read_seconds"]
    assert family.type == "summary"
    assert samples(family) == {("rowstream_read_seconds_sum",): 1.25, ("rowstream_read_seconds_count",): 40}


def test_fields_are_labels(model: Model) -> None:
    """Each field has its counts, and a value once it has a good one."""
    found = families(SNAPSHOT, model)
    assert samples(found["rowstream_field_value"]) == {("rowstream_field_value", "gas"): 127.4}
    assert samples(found["rowstream_field_unsure"]) == {
        ("rowstream_field_unsure_total", "gas"): 5,
        ("rowstream_field_unsure_total", "water"): 2,
    }


def test_the_model_is_named_by_labels(model: Model) -> None:
    """Name, version, hash and runtime say which model reads; the program's version is beside it."""
    found = families(SNAPSHOT, model)
    (info,) = found["rowstream_model_info"].samples
    assert (info.value, info.labels) == (
        1,
        {"name": model.name, "version": model.release, "sha256": model.sha256, "runtime": model.runtime},
    )
    assert len(model.sha256) == 64
    assert list(samples(found["rowstream_build_info"]).values()) == [1]


def test_before_the_first_frame_there_is_no_age(model: Model) -> None:
    """An age that nothing has is left out, and the counts are 0."""
    found = families(Snapshot(), model)
    assert "rowstream_last_frame_age_seconds" not in found
    assert samples(found["rowstream_frames"]) == {("rowstream_frames_total",): 0}


def test_every_name_is_the_project_s_own(model: Model) -> None:
    """No metric can be taken for another program's."""
    assert all(name.startswith("rowstream_") for name in families(replace(SNAPSHOT, ended=True), model))


def test_every_metric_is_documented(model: Model) -> None:
    """docs/shipping.md has a row for each metric, with its kind."""
    document = (ROOT / "docs" / "shipping.md").read_text()
    rows = re.findall(r"^\| `(rowstream_\w+?)(?:_total)?` \| (\w+) \|", document, re.MULTILINE)
    assert rows == [(name, family.type) for name, family in families(SNAPSHOT, model).items()]
