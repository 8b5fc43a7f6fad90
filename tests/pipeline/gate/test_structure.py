"""Tests of the gate's checks of structure and runtimes, on a small case and hand-made graphs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from converters.tflite.graph import Graph, Operator, Tensor
from device.contract.manifest import Runtime, read_manifest
from pipeline.folders import ModelFolder
from pipeline.gate import structure
from pipeline.gate.check import Check, Verdict, at_least, not_judged
from pipeline.gate.runtimes import Platform
from pipeline.gate.structure import contract, operators, runs, runtimes_run, tensors
from tests.conftest import MODELS
from tests.support.cases import LIMITS, lines, small_case


def graph(*nodes: Operator, inner: Tensor | None = None) -> Graph:
    crop = Tensor("crop", "INT8", (1, 28), (1, 28), None, (0.5,), (0,))
    tensors = (crop, *([inner] if inner else ()))
    return Graph(0, "classify", tensors, tuple(nodes), inputs={"crop": crop}, outputs={"logits": crop})


def node(name: str, version: int = 1, *, is_custom: bool = False) -> Operator:
    return Operator(name, version, (), (), is_custom, refers_to_graph=False)


def test_a_released_file_has_operators_and_tensors_that_are_allowed() -> None:
    """All checks of a released file's operators and tensors are ok."""
    case = small_case(replace(LIMITS, runtimes=("ai-edge-litert", "tflite-runtime", "tflite-micro")))
    assert lines(list(operators(case))) == [
        ("built-in operators only", "ok", "no custom operators, control flow or variables"),
        ("operators allowed", "ok", "all on the list"),
        ("operator versions", "ok", "none newer than in ai-edge-litert, tflite-runtime"),
    ]
    assert lines(list(tensors(case))) == [
        ("no float tensors", "ok", "none"),
        ("static shapes", "ok", "all"),
        ("constants complete", "ok", "all"),
        ("state scales", "ok", "output as input"),
    ]


def test_operators_are_refused_by_what_is_wrong() -> None:
    """A custom operator, one that is not on the list, and one too new are refused by a check each."""
    limits = replace(LIMITS, runtimes=("ai-edge-litert", "tflite-runtime"))
    case = small_case(limits, graphs=(graph(node("ADD", 6), node("COS", is_custom=True)),))
    found = lines(list(operators(case)))
    assert [line[1] for line in found] == ["refused"] * 3
    assert "COS" in found[0][2]
    assert found[1][2] == "COS"
    assert found[2][2] == "ADD 6 (newest: 5) on tflite-runtime"


def test_a_float_tensor_of_dynamic_shape_is_two_violations() -> None:
    """A float tensor is refused as such, its dynamic shape by another check."""
    inner = Tensor("inner", "FLOAT32", (1, 1), (1, -1), None, (), ())
    found = lines(list(tensors(small_case(graphs=(graph(inner=inner),)))))
    assert found[0] == ("no float tensors", "refused", "classify: tensor inner is FLOAT32")
    assert found[1] == ("static shapes", "refused", "classify: tensor inner has the dynamic shape (1, -1)")


STATES = ("states in manifest", "ok", "some if step is there")


@pytest.mark.parametrize(
    ("signatures", "has_states", "expected"),
    [
        pytest.param(("classify", "step"), True, STATES, id="streams"),
        pytest.param(("classify",), False, STATES, id="does not stream"),
        pytest.param(
            ("classify", "step"),
            False,
            ("states in manifest", "refused", "the file has the signature step, the manifest no states"),
            id="said not to stream",
        ),
    ],
)
def test_a_file_with_steps_needs_states(
    signatures: tuple[str, ...], has_states: bool, expected: tuple[str, ...]
) -> None:
    """A file with the signature `step` is refused under a manifest without states."""
    manifest = small_case().manifest
    graphs = tuple(replace(graph(), signature=name) for name in signatures)
    case = small_case(manifest=manifest if has_states else replace(manifest, states=()), graphs=graphs)
    assert lines(list(contract(case)))[0] == expected


def test_a_manifest_that_does_not_match_the_file_is_refused(model_copy: Path) -> None:
    """The runner's error is the reason where it does not accept the file."""
    case = small_case()
    states, matches = lines(list(contract(case)))
    assert states == STATES
    assert matches == ("file matches manifest", "loads in the runner", "loads")
    manifest = read_manifest(model_copy)
    replace(manifest, file=replace(manifest.file, sha256="0" * 64)).write(model_copy)
    states, (name, verdict, reason) = lines(list(contract(replace(case, folder=ModelFolder(model_copy)))))
    assert states == STATES
    assert (name, verdict) == ("file matches manifest", "refused")
    assert "SHA-256" in reason


def test_a_released_file_runs_in_the_runtimes_installed() -> None:
    """In each runtime all answers are the same, and the versions that were run are known."""
    found = list(runs(small_case(replace(LIMITS, runtimes=("ai-edge-litert", "onnxruntime")))))
    assert isinstance(found[0], Check)
    assert (found[0].name, found[0].value, found[0].verdict) == ("runs on ai-edge-litert", 100.0, Verdict.PASSED)
    assert found[0].measured.startswith("100.00 % same answers, version ")
    reason = "Expected ai-edge-litert, tflite-runtime, tflite-micro. Received: onnxruntime"
    assert lines(found[1:]) == [("runs on onnxruntime", "refused", reason)]


@pytest.mark.slow
def test_a_runtime_that_refuses_the_file_is_named_with_its_reason(model_copy: Path) -> None:
    """The device's last line of errors is the reason."""
    manifest = read_manifest(model_copy)
    replace(manifest, file=replace(manifest.file, sha256="0" * 64)).write(model_copy)
    limits = replace(LIMITS, runtimes=("ai-edge-litert",))
    ((name, verdict, reason),) = lines(list(runs(replace(small_case(limits), folder=ModelFolder(model_copy)))))
    assert (name, verdict) == ("runs on ai-edge-litert", "refused")
    assert "Expected SHA-256" in reason


@pytest.mark.parametrize("name", ["rows2d", "cols2d"])
def test_a_released_file_runs_on_micro(name: str) -> None:
    """On TFLite Micro rows or columns give the same answers, and the arena's size is limited."""
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this platform")
    limits = replace(LIMITS, runtimes=("tflite-micro",), arena_bytes_max=1_000)
    folder = ModelFolder(MODELS / name)
    case = replace(small_case(limits), folder=folder, manifest=read_manifest(folder.path))
    answers, arena, alone = list(runs(case))
    assert isinstance(answers, Check)
    # One of the ten digits is so close between two classes for cols2d that another rounding changes the answer.
    assert answers.name == "runs on tflite-micro"
    assert answers.value in (90.0, 100.0)
    assert isinstance(arena, Check)
    assert (arena.name, arena.verdict) == ("arena on tflite-micro", Verdict.REFUSED)
    assert lines([alone])[0][0] == "arena on tflite-micro, step alone"


def test_a_file_that_micro_cannot_run_is_refused() -> None:
    """A file that TFLite Micro does not take is refused with its error."""
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this platform")
    case = small_case(replace(LIMITS, runtimes=("tflite-micro",)))
    graphs = case.graphs
    vars(case).update(content=case.content[:-30_000], graphs=graphs)
    ((name, verdict, reason),) = lines(list(runs(case)))
    assert (name, verdict) == ("runs on tflite-micro", "refused")
    assert reason


def test_a_runtime_without_a_wheel_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Mac, where tflite-micro has no wheel, it is noted; LiteRT, which has one, is not judged if missing."""
    monkeypatch.setattr(structure, "this_platform", lambda: Platform("darwin", "arm64", (3, 12)))
    monkeypatch.setattr(structure, "is_installed", lambda _: False)
    case = small_case(replace(LIMITS, runtimes=("tflite-micro", "ai-edge-litert")))
    assert lines(list(runs(case))) == [
        ("runs on tflite-micro", "no wheel for this platform (Python 3.12, darwin arm64)"),
        ("runs on ai-edge-litert", "not judged", "ai-edge-litert is not installed"),
    ]


def test_some_target_runtime_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no target runtime has a wheel, the file is not judged."""
    monkeypatch.setattr(structure, "this_platform", lambda: Platform("darwin", "arm64", (3, 12)))
    monkeypatch.setattr(structure, "is_installed", lambda _: False)
    reason = "none has a wheel for this platform (Python 3.12, darwin arm64)"
    found = lines(list(runs(small_case(replace(LIMITS, runtimes=("tflite-micro",))))))
    assert found[-1] == ("target runtimes", "not judged", reason)


def test_runtimes_run_are_those_that_gave_answers() -> None:
    """A check with a value names a runtime that was run; others do not."""
    ran = at_least("runs on numpy", 99.0, 99.7)
    others = (not_judged("runs on scipy", "scipy is not installed"), at_least("arena on numpy", 1, 1))
    ((runtime),) = runtimes_run((ran, *others))
    assert isinstance(runtime, Runtime)
    assert runtime.name == "numpy"
