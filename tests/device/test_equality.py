"""Tests that the released files' two signatures, `classify` and `step`, give the same int8 logits in every bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters.tflite.graph import read_graphs
from device.contract.manifest import read_manifest
from device.files.idx import read_idx
from tests.conftest import EITHER_RUNTIME, MODELS, Converted, Digits, run_python
from tests.support.signatures import BothSignatures

Crops = npt.NDArray[np.uint8]
NOISE = st.one_of(
    hnp.arrays(np.uint8, (28, 28)),
    st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (28, 28), np.uint8)),
)
COMPARES = """
import importlib, json, sys
import numpy as np
from pathlib import Path
from tests.support.signatures import BothSignatures
model, crops, package, kernels, axis = sys.argv[1:]
module = importlib.import_module(package + ".interpreter")
interpreter = module.Interpreter(
    model_content=Path(model).read_bytes(), experimental_op_resolver_type=module.OpResolverType[kernels]
)
both = BothSignatures(interpreter, columns=axis == "columns")
pixels = (np.load(crops) ^ 128).view(np.int8)
whole, stepped = (np.stack([logits(crop) for crop in pixels]) for logits in (both.classify, both.step))
print(json.dumps([str(whole.dtype), int((whole == stepped).all(axis=1).sum()), len(np.unique(whole, axis=0))]))
"""


def content(variant: str) -> bytes:
    return (MODELS / variant / "model.int8.tflite").read_bytes()


def compared(folder: Path, variant: str, runtime: str, kernels: str, crops: Crops) -> tuple[str, int, int]:
    """The logits' dtype, how many crops have the same logits from both signatures, and how many logits there are."""
    np.save(folder / "crops.npy", crops)
    model, axis = MODELS / variant / "model.int8.tflite", read_manifest(MODELS / variant).time_axis
    child = run_python("-c", COMPARES, model, folder / "crops.npy", runtime.replace("-", "_"), kernels, axis)
    dtype, equal, different = json.loads(child.stdout)
    return dtype, equal, different


@pytest.mark.sampled
@pytest.mark.parametrize("kernels", ["AUTO", "BUILTIN_REF"])
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_digits(tmp_path: Path, unrolled: str, runtime: str, kernels: str, digits: Digits) -> None:
    """Three hundred digits have the same logits from both signatures, on every runtime's default and plain kernels."""
    dtype, equal, different = compared(tmp_path, unrolled, runtime, kernels, digits[0])
    assert (dtype, equal) == ("int8", 300)
    assert different > 200


@pytest.mark.exhaustive
@pytest.mark.parametrize("kernels", ["AUTO", "BUILTIN_REF"])
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_mnist(tmp_path: Path, unrolled: str, runtime: str, kernels: str, mnist_folder: Path) -> None:
    """So have all test images of MNIST."""
    crops = read_idx(mnist_folder / "t10k-images-idx3-ubyte.gz")
    _, equal, different = compared(tmp_path, unrolled, runtime, kernels, crops)
    assert equal == 10_000
    assert different > 5_000


@pytest.fixture(scope="module")
def both(unrolled: str) -> BothSignatures:
    return BothSignatures(Interpreter(model_content=content(unrolled), num_threads=1), columns=unrolled == "cols2d")


@settings(max_examples=40, deadline=None)
@given(crop=NOISE)
def test_noise(both: BothSignatures, crop: Crops) -> None:
    """A crop of any pixels has the same logits from both signatures."""
    pixels = (crop ^ 128).view(np.int8)
    assert both.step(pixels).tolist() == both.classify(pixels).tolist()


def test_states_keep_their_scale(variant: str) -> None:
    """Every state leaves with the scale and zero point with which it enters, and they are the manifest's."""
    (step,) = (graph for graph in read_graphs(content(variant)) if graph.signature == "step")
    states = read_manifest(MODELS / variant).states
    assert sorted(step.states) == sorted(state.name for state in states)
    assert len(states) == {"rows": 2, "tiny": 5}.get(variant, 4)
    for state in states:
        before, after = step.inputs[state.name], step.outputs[state.name + "_out"]
        assert before.scales == after.scales == (state.quantisation.scale,)
        assert before.zero_points == after.zero_points == (state.quantisation.zero_point,)
        assert before.shape == after.shape == state.shape
        assert (before.type, after.type) == ("INT8", "INT8")


def test_inputs_and_logits_have_one_scale(unrolled: str) -> None:
    """Both signatures take pixels by 1/255 and -128, and give logits of one scale and zero point."""
    graphs = {graph.signature: graph for graph in read_graphs(content(unrolled))}
    pixels = (graphs["classify"].inputs["crop"], graphs["step"].inputs["rows"])
    assert {(tensor.scales, tensor.zero_points) for tensor in pixels} == {((0.003921568859368563,), (-128,))}
    logits = [graph.outputs["logits"] for graph in graphs.values()]
    assert len({(tensor.scales, tensor.zero_points) for tensor in logits}) == 1


@pytest.mark.slow
def test_float_reference(converted_rows2d: Converted, digits: Digits) -> None:
    """The float file's two signatures agree within 1e-5."""
    float_reference = converted_rows2d.conversion.float_tflite
    both = BothSignatures(Interpreter(model_content=float_reference, num_threads=1), columns=False)
    for crop in digits[0][::5]:
        pixels = crop / np.float32(255)
        np.testing.assert_allclose(both.step(pixels), both.classify(pixels), atol=1e-5)
