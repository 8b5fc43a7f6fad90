"""Tests that networks as users write them convert, or are refused with what to change; `tests.support.zoo` has more.

`python -m tests.support.zoo` converts all of them to int8.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from converters.lowering.layer_graph import UnreadableNetworkError
from converters.lowering.refusal import NetworkRefusedError
from tests.support.zoo.convert import Int8Result, converted
from tests.support.zoo.equality import equalities
from tests.support.zoo.measure import ZOO, built, float_result

# Between them these have every kind of operation.
IN_INT8 = (
    "KWS streaming CRNN", "TCN", "WaveNet", "WaveNet before GRU", "MLSTM-FCN", "upsampling autoencoder",
    "GRU version 1",
    "attention over time", "Bidirectional ave", "frames and clip", "normalised layers", "noise", "hierarchical",
    "causal columns", "squeeze and excite CRNN", "U-Net", "ConvLSTM2D pooled", "video of a backbone", "dilated",
    "greatest of each column", "GroupNormalization", "gated linear unit", "mean and deviation", "context by tile",
    "power and log", "largest minus least", "normalised to one",
)  # fmt: skip


@pytest.mark.sampled
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        name if count % 3 == 0 else pytest.param(name, marks=pytest.mark.thorough)
        for count, name in enumerate(name for name, example in ZOO.items() if not example.refused)
    ],
)
def test_a_network_is_lowered(name: str) -> None:
    """A lowered network answers what Keras answers, and after its last step what it answers of the whole."""
    result = float_result(built(ZOO[name]))
    assert result.error < 1e-4
    assert (result.step_error is None) == bool(result.not_streamable)
    assert (result.step_error or 0.0) < 1e-4


@pytest.mark.sampled
@pytest.mark.parametrize("name", [name for name, example in ZOO.items() if example.refused])
def test_a_network_is_refused(name: str) -> None:
    """A network that cannot be converted is refused before calibration, with the layer's name or what to change."""
    with pytest.raises((NetworkRefusedError, UnreadableNetworkError)) as refused:
        float_result(built(ZOO[name]))
    assert ZOO[name].refused in str(refused.value)


@pytest.fixture(scope="module")
def in_int8(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Int8Result]]:
    """The folder of the conversions, and what came out of each."""
    parent = tmp_path_factory.mktemp("zoo")
    results = {}
    for name in IN_INT8:
        (parent / name).mkdir()
        results[name] = converted(built(ZOO[name]), parent / name)
    return parent, results


@pytest.mark.thorough
def test_operators_are_known_to_every_runtime(in_int8: tuple[Path, dict[str, Int8Result]]) -> None:
    """No converted network has an operator that a runtime lacks, or lacks in its version."""
    _, results = in_int8
    assert {name: result.unknown for name, result in results.items() if result.unknown} == {}


@pytest.mark.thorough
def test_int8_stays_near_keras(in_int8: tuple[Path, dict[str, Int8Result]]) -> None:
    """The answers of a network with random weights vary three times as much as int8 changes them, in power."""
    _, results = in_int8
    far = {name: result.signal_to_noise_db for name, result in results.items()}
    assert {name: noise for name, noise in far.items() if noise is not None and noise < 5} == {}


@pytest.mark.thorough
@pytest.mark.parametrize("runtime", ["ai-edge-litert", "tflite-runtime"])
def test_whole_and_steps_are_equal(in_int8: tuple[Path, dict[str, Int8Result]], runtime: str) -> None:
    """On each runtime `classify` and `step` give the same bits for random inputs."""
    if importlib.util.find_spec(runtime.replace("-", "_")) is None:
        pytest.skip(f"{runtime} has no wheel for this Python")
    parent, results = in_int8
    found = equalities(runtime, [parent / name for name in results])
    assert {name: each for name, each in found.items() if each.different or not each.ran} == {}
    assert {name for name, each in found.items() if each.n} == {
        name for name, result in results.items() if len(result.signatures) == 2
    }
