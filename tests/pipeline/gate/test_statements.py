"""Tests that the gate finds out again what a manifest states, on a good model with one statement forged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from device.contract.manifest import Fidelity, Manifest, Rejection
from pipeline.gate.case import Case
from pipeline.gate.check import Verdict
from pipeline.gate.statements import rejected, statements
from tests.support.cases import small_case
from tests.support.sabotage import Good, open_case


def test_a_probability_equal_to_the_threshold_is_kept() -> None:
    assert rejected(0.5, np.array([0.4, 0.5, 0.6, 0.7]), np.array([0.5, 0.1])) == Rejection(0.75, 2, 0.5)


@pytest.fixture(scope="module")
def case(good: Good) -> Case:
    """The good model, measured once for all tests."""
    return open_case(good.folder, good.splits, good.limits)


def refused(case: Case, **forged: Any) -> dict[str, str]:
    """Returns the statements that are refused once these are forged, with the reasons."""
    sabotaged = replace(case, manifest=replace(case.manifest, **forged))
    vars(sabotaged).update({name: value for name, value in vars(case).items() if name != "manifest"})
    found = {check.name: check.reason for check in statements(sabotaged) if check.verdict is Verdict.REFUSED}
    vars(case).update({name: value for name, value in vars(sabotaged).items() if name != "manifest"})
    return found


@pytest.mark.thorough
def test_a_true_manifest_passes(case: Case) -> None:
    checks = list(statements(case))
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    assert len(checks) == 12


def _within(name: str, **fields: Any) -> Callable[[Manifest], dict[str, Any]]:
    return lambda manifest: {name: replace(getattr(manifest, name), **fields)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forged", "check", "reason"),
    [
        pytest.param(
            _within("accuracy", int8_accuracy=1.0), "accuracy figures", "pp apart in int8_accuracy is not ≤ 0.20 pp"
        ),
        pytest.param(_within("accuracy", images=60_000), "accuracy", "images: the manifest says 60000, found 2244"),
        pytest.param(
            _within("accuracy", source="MNIST test images"),
            "accuracy",
            "source: the manifest says 'MNIST test images', found 'the other 4,488 of 5,000",
        ),
        pytest.param(
            _within("early_exit", mean_lines_read=8.0), "early exit figures", "71.43 pp apart in mean_lines_read"
        ),
        pytest.param(
            _within("early_exit", accuracy_after_step=(0.99,) * 7), "early exit figures", "in accuracy_after_step is"
        ),
        pytest.param(
            _within("early_exit", accuracy_after_step=(0.99,)), "early exit figures", "inf pp apart in accuracy_after"
        ),
        pytest.param(lambda _: {"early_exit": None}, "early exit", "probability: the manifest says nothing, found 1.0"),
        pytest.param(
            _within("rejection", negatives_accepted=0.0), "rejection figures", "pp apart in negatives_accepted is not"
        ),
        pytest.param(
            _within("rejection", negatives=1_000_000), "rejection", "negatives: the manifest says 1000000, found 10000"
        ),
        pytest.param(lambda _: {"rejection": None}, "rejection", "negatives: the manifest says nothing, found 10000"),
        pytest.param(
            lambda _: {"fidelity": (Fidelity("logits", 99.0, None, None),)}, "fidelity", "dB apart is not ≤ 0.20 dB"
        ),
        pytest.param(lambda _: {"fidelity": ()}, "fidelity", "logits: the manifest says nothing, found "),
        pytest.param(
            lambda manifest: {"operators": {**manifest.operators, "ADD": 2}},
            "operators",
            "ADD: the manifest says 2, found 1",
        ),
        pytest.param(
            lambda manifest: {"packages": {**manifest.packages, "tensorflow": "9.9"}},
            "packages",
            "tensorflow: the manifest says '9.9', found '2.21.0'",
        ),
        pytest.param(
            lambda manifest: {"packages": {**manifest.packages, "another": "1.0"}},
            "packages",
            "another: the manifest says '1.0', found nothing",
        ),
        pytest.param(
            lambda _: {"not_streamable": "the device is too slow"},
            "not streamable",
            "not_streamable: the manifest says 'the device is too slow', found ''",
        ),
        pytest.param(_within("calibration", seed=1), "calibration", "seed: the manifest says 1, found 20260101"),
        pytest.param(
            _within("calibration", source="ImageNet"), "calibration", "source: the manifest says 'ImageNet', found"
        ),
        pytest.param(
            lambda _: {"configuration": {"quantisation": "int4"}}, "configuration", "the manifest says 'int4', found"
        ),
    ],
)
def test_a_false_statement_is_refused_alone(
    case: Case, forged: Callable[[Manifest], dict[str, Any]], check: str, reason: str
) -> None:
    """A false statement is refused by its own check, which says what was found instead."""
    found = refused(case, **forged(case.manifest))
    assert list(found) == [f"{check} in manifest"]
    assert reason in found[f"{check} in manifest"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figure", "shift"),
    [
        ("accuracy", "float_accuracy", 0.25),
        ("accuracy", "int8_accuracy", 0.25),
        ("accuracy", "accuracy_drop_pp", 25),
        ("accuracy", "agreement", 0.25),
        ("early_exit", "accuracy_drop_pp", 25),
        ("rejection", "digits_kept", 0.25),
        ("rejection", "negatives_accepted", -0.25),
    ],
)
def test_a_figure_is_so_many_points_from_the_one_found(case: Case, name: str, figure: str, shift: float) -> None:
    """A quarter is 25 percentage points."""
    stated = getattr(case.manifest, name)
    (reason,) = refused(case, **{name: replace(stated, **{figure: getattr(stated, figure) - shift})}).values()
    assert reason.startswith(f"25.00 pp apart in {figure} is not ")


def test_without_its_data_the_figures_are_not_judged() -> None:
    """On other data neither figures nor the making of the file are judged; operators and configuration are."""
    manifest = small_case().manifest
    other = replace(manifest, calibration=replace(manifest.calibration, source="another place"))
    verdicts = {check.name: check.verdict for check in statements(small_case(manifest=other, known_crops={}))}
    assert verdicts == {
        "operators in manifest": Verdict.PASSED,
        "configuration in manifest": Verdict.PASSED,
        "calibration in manifest": Verdict.NOT_JUDGED,
        "packages in manifest": Verdict.NOT_JUDGED,
        "not streamable in manifest": Verdict.NOT_JUDGED,
        "accuracy in manifest": Verdict.NOT_JUDGED,
        "fidelity in manifest": Verdict.NOT_JUDGED,
        "early exit in manifest": Verdict.NOT_JUDGED,
        "rejection in manifest": Verdict.NOT_JUDGED,
    }
