"""Tests of `device.contract.predictions`: what logits say, by the kind of the output."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from device.contract.manifest import OutputContract
from device.contract.predictions import (
    BinaryPrediction,
    MultilabelPrediction,
    Prediction,
    StepsPrediction,
    ValuesPrediction,
    as_json,
    decoder,
    steps_prediction,
    transcription,
)
from device.quantisation import Quantisation


def output(kind: str, *labels: str, **more: Any) -> OutputContract:
    fields = {"shape": (1, len(labels)), "per_step": False, "units": "", "temperature": 1.0, "threshold": 0.0}
    made = {"name": "logits", "quantisation": Quantisation(0.5, 10), "kind": kind, "labels": labels, "decoding": ""}
    return OutputContract(**{**made, **fields, **more})


def answer(contract: OutputContract, *logits: int) -> Any:
    return decoder(contract).answer(np.array(logits, np.int8), 5, time.perf_counter())


def test_classes() -> None:
    """The greatest logit's class is the answer, with its softmax at the temperature."""
    said = answer(output("classes", "a", "b", "c", temperature=2.0), 10, 14, 6)
    assert isinstance(said, Prediction)
    assert (said.label, said.index, said.lines_read) == ("b", 1, 5)
    assert said.probability == pytest.approx(0.665241, abs=1e-6)
    assert [name for name, _ in said.top] == ["b", "a", "c"]
    assert answer(output("classes", "a", "b", "c", temperature=2.0, threshold=0.7), 10, 14, 6).label is None


@pytest.mark.parametrize(
    ("logit", "threshold", "label", "probability"),
    [
        (12, 0.0, True, 0.731059),
        (8, 0.0, False, 0.268941),
        (10, 0.0, True, 0.5),
        (12, 0.8, None, 0.731059),
        (8, 0.8, None, 0.268941),
        (6, 0.8, False, 0.119203),
    ],
)
def test_binary(logit: int, threshold: float, label: bool | None, probability: float) -> None:
    """The probability is the sigmoid; an answer, yes or no, that is less probable than the threshold is none."""
    said = answer(output("binary", "falls", threshold=threshold), logit)
    assert isinstance(said, BinaryPrediction)
    assert said.label is label
    assert said.probability == pytest.approx(probability, abs=1e-6)


def test_a_sigmoid_of_any_logit_is_a_probability() -> None:
    """The least and the greatest logits at a tiny temperature overflow nothing."""
    contract = output("multilabel", "x", "y", temperature=0.001, quantisation=Quantisation(1000.0, 0))
    assert answer(contract, -128, 127).probabilities == (0.0, 1.0)


@pytest.mark.parametrize(("threshold", "labels"), [(0.0, ("x", "z")), (0.3, ("x", "y", "z")), (0.9, ())])
def test_multilabel(threshold: float, labels: tuple[str, ...]) -> None:
    """Each label as probable as the threshold is one of the answer's; a threshold of 0 stands for 0.5."""
    said = answer(output("multilabel", "x", "y", "z", threshold=threshold), 12, 9, 10)
    assert isinstance(said, MultilabelPrediction)
    assert said.labels == labels
    assert said.probabilities == pytest.approx((0.731059, 0.377541, 0.5), abs=1e-6)


def test_values() -> None:
    """Values are the real numbers that the logits stand for, in the manifest's units."""
    said = answer(output("values", "x", "y", units="m/s"), 11, -128)
    assert isinstance(said, ValuesPrediction)
    assert (said.values, said.units) == ((0.5, -69.0), "m/s")


@pytest.mark.parametrize(
    ("kind", "labels", "certainty"),
    [
        ("classes", ("a", "b"), 0.880797),
        ("binary", ("a",), 0.880797),
        ("multilabel", ("a", "b"), 0.5),
        ("values", "ab", 0),
    ],
)
def test_certainty(kind: str, labels: tuple[str, ...], certainty: float) -> None:
    """An answer is as certain as its most probable class, or as the least certain of its yes and no."""
    logits = np.array([6, 10][: len(labels)], np.int8)
    assert decoder(output(kind, *labels)).certainty(logits) == pytest.approx(certainty, abs=1e-6)


@pytest.mark.parametrize(
    ("best", "text"),
    [([0, 0, 2, 0, 1, 1], "aab"), ([2, 2, 2], ""), ([1, 2, 2, 1], "bb"), ([0, 1, 0], "aba"), ([], "")],
)
def test_transcription(best: list[int], text: str) -> None:
    """Repeats count once, the blank, which is last, separates and is left out."""
    assert transcription(best, ("a", "b", "")) == text


def test_steps_have_text_only_if_they_are_decoded() -> None:
    """The answers of all steps are kept as they are, and become JSON with the fields of each."""
    step = ValuesPrediction((1.0,), "s", 1, 0.5)
    said = steps_prediction(output("values", "x"), [step], [0], 1, time.perf_counter())
    assert (said.steps, said.text, said.lines_read) == ((step,), None, 1)
    ctc = output("classes", "a", "", shape=(1, 4, 2), per_step=True, decoding="ctc")
    assert steps_prediction(ctc, [], [0, 1, 0, 0], 4, time.perf_counter()).text == "aa"
    fields = as_json(StepsPrediction((step, step), None, 2, 0.25))
    assert json.loads(json.dumps(fields)) == {
        "steps": 2 * [{"values": [1.0], "units": "s", "lines_read": 1, "latency_ms": 0.5}],
        "text": None,
        "lines_read": 2,
        "latency_ms": 0.25,
    }
