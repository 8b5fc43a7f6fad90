"""Tests of the runner on models of every kind that a manifest can describe: what goes in, and what comes out."""

from __future__ import annotations

import numpy as np
import pytest

from device import Runner
from tests.support.example_models import EXAMPLES, ExampleModels, example_inputs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden(example_models: ExampleModels, name: str) -> None:
    """Each model answers its golden inputs, whole and line by line, as when it was made."""
    with Runner(example_models(name)) as runner:
        runner.golden.check_all(runner.logits, runner.step_logits)
        np.testing.assert_array_equal(runner.golden.crops, example_inputs(name, 4), strict=True)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "continuous"])
def test_pushed_equals_whole(example_models: ExampleModels, name: str) -> None:
    """What an input gives whole and line by line is equal bit for bit, and does not depend on what came before."""
    with Runner(example_models(name)) as runner:
        for one in example_inputs(name):
            whole, rows = runner.logits(one), np.stack(runner.step_logits(one))
            assert np.array_equal(rows[-1] if whole.ndim == 1 else rows, whole)
            assert without_latency(runner.read(one)) == without_latency(runner.classify(one))
            assert list(map(without_latency, (runner.partial_all or {}).values())) == [
                without_latency(answer) for answer in runner.classify_all(one).values()
            ]


def without_latency(answer: object) -> object:
    """Returns an answer, and those of its steps, without the time that it took."""
    fields = answer._asdict()  # type: ignore[attr-defined]
    fields.pop("latency_ms")
    if "steps" in fields:
        fields["steps"] = [without_latency(step) for step in fields["steps"]]
    return fields
