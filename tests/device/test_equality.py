"""Tests that the released files' two signatures, `classify` and `step`, give the same int8 logits in every bit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import read_graphs
from device.idx import read_idx
from device.manifest import read_manifest
from tests.conftest import EITHER_RUNTIME, MODELS, Converted, Digits, run_python

Crops = npt.NDArray[np.uint8]
NOISE = st.one_of(
    hnp.arrays(np.uint8, (28, 28)),
    st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (28, 28), np.uint8)),
)
COMPARES = """
import importlib, json, sys
import numpy as np
from pathlib import Path
module = importlib.import_module(sys.argv[1] + ".interpreter")
kernels = module.OpResolverType[sys.argv[5]]
content = Path(sys.argv[2]).read_bytes()
interpreter = module.Interpreter(model_content=content, experimental_op_resolver_type=kernels)
classify, step = (interpreter.get_signature_runner(name) for name in ("classify", "step"))
details = step.get_input_details()
lines = details["rows"]["shape"]
start = {name: np.full(d["shape"], d["quantization"][1], np.int8) for name, d in details.items() if name != "rows"}
equal, different = 0, set()
for crop in np.load(sys.argv[3]):
    pixels = (crop ^ 128).view(np.int8)
    whole = classify(crop=pixels.reshape(1, 28, 28, 1))["logits"]
    states = start
    for part in (pixels.T if sys.argv[4] == "columns" else pixels).reshape(-1, *lines):
        after = step(rows=part, **states)
        states = {name: after[name + "_out"] for name in start}
    equal += (whole == after["logits"]).all()
    different.add(whole.tobytes())
print(json.dumps([int(equal), len(different)]))
"""


class Both:
    """A file's two signatures on a bare interpreter."""

    def __init__(self, content: bytes, *, columns: bool, **options: Any) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=1, **options)
        self._classify = self._interpreter.get_signature_runner("classify")
        self._step = self._interpreter.get_signature_runner("step")
        self._columns = columns
        details = self._step.get_input_details()
        self._lines = details["rows"]["shape"]
        self._start = {
            name: np.full(state["shape"], state["quantization"][1], state["dtype"])
            for name, state in details.items()
            if name != "rows"
        }

    def classify(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The logits of a whole crop, given as the file takes it."""
        logits: npt.NDArray[Any] = self._classify(crop=pixels.reshape(1, 28, 28, 1))["logits"][0]
        return logits

    def step(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The logits after the last step, each given the states that the one before gave out."""
        states = self._start
        for lines in (pixels.T if self._columns else pixels).reshape(-1, *self._lines):
            after = self._step(rows=lines, **states)
            states = {name: after[name + "_out"] for name in states}
        logits: npt.NDArray[Any] = after["logits"][0]
        return logits


def content(variant: str) -> bytes:
    return (MODELS / variant / "model.int8.tflite").read_bytes()


def quantised(crop: Crops) -> npt.NDArray[np.int8]:
    return (crop.astype(np.int16) - 128).astype(np.int8)


def logits_of_both(both: Both, crops: Crops) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    pixels = quantised(crops)
    return np.array([both.classify(crop) for crop in pixels]), np.array([both.step(crop) for crop in pixels])


def compared(folder: Path, variant: str, runtime: str, kernels: str, crops: Crops) -> tuple[int, int]:
    """In a child, how many crops have the same logits by steps as whole, and how many different logits there are."""
    np.save(folder / "crops.npy", crops)
    axis = "columns" if variant == "cols2d" else "rows"
    package, model = runtime.replace("-", "_"), MODELS / variant / "model.int8.tflite"
    child = run_python("-c", COMPARES, package, model, folder / "crops.npy", axis, kernels)
    equal, different = json.loads(child.stdout)
    return equal, different


@pytest.fixture(scope="module")
def on_default_kernels(variant: str) -> Both:
    return Both(content(variant), columns=variant == "cols2d")


@pytest.fixture(scope="module")
def on_reference_kernels(variant: str) -> Both:
    reference = OpResolverType.BUILTIN_REF
    return Both(content(variant), columns=variant == "cols2d", experimental_op_resolver_type=reference)


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> Digits:
    """MNIST's test images and what they show."""
    crops, labels = (read_idx(mnist_folder / f"t10k-{name}.gz") for name in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    return crops, labels


@pytest.fixture(scope="module")
def some_of_mnist(mnist: Digits) -> Crops:
    """Every twentieth test image of MNIST; every one where ROWSTREAM_EVERY_IMAGE is set, as in CI."""
    return mnist[0] if os.environ.get("ROWSTREAM_EVERY_IMAGE") else mnist[0][::20]


def test_digits_on_the_default_kernels(on_default_kernels: Both, digits: Digits) -> None:
    """Three hundred digits have the same logits by steps as whole."""
    whole, stepped = logits_of_both(on_default_kernels, digits[0])
    assert whole.shape == (300, 10)
    assert whole.dtype == np.int8
    assert len(np.unique(whole, axis=0)) > 200
    np.testing.assert_array_equal(stepped, whole)


def test_digits_on_the_reference_kernels(on_reference_kernels: Both, digits: Digits) -> None:
    """Three hundred digits have the same logits by steps as whole, where the kernels are the plain ones."""
    whole, stepped = logits_of_both(on_reference_kernels, digits[0])
    np.testing.assert_array_equal(stepped, whole)


def test_mnist_on_the_default_kernels(on_default_kernels: Both, mnist: Digits) -> None:
    """All 10,000 test images of MNIST have the same logits by steps as whole, hence the same accuracy."""
    crops, labels = mnist
    whole, stepped = logits_of_both(on_default_kernels, crops)
    assert whole.shape == (10_000, 10)
    np.testing.assert_array_equal(stepped, whole)
    correct = [int((logits.argmax(axis=1) == labels).sum()) for logits in (whole, stepped)]
    assert correct[0] == correct[1] >= 9_900


def test_mnist_on_the_reference_kernels(on_reference_kernels: Both, some_of_mnist: Crops) -> None:
    """Test images of MNIST have the same logits by steps as whole, where the kernels are the plain ones."""
    whole, stepped = logits_of_both(on_reference_kernels, some_of_mnist)
    assert len(whole) in (500, 10_000)
    np.testing.assert_array_equal(stepped, whole)


@pytest.mark.parametrize("kernels", ["AUTO", "BUILTIN_REF"])
@pytest.mark.parametrize("runtime", EITHER_RUNTIME[1:])
def test_mnist_on_tflite_runtime(
    tmp_path: Path, variant: str, runtime: str, kernels: str, some_of_mnist: Crops
) -> None:
    """On LiteRT's predecessor, too, test images of MNIST have the same logits by steps as whole, on both kernels."""
    equal, different = compared(tmp_path, variant, runtime, kernels, some_of_mnist)
    assert equal == len(some_of_mnist)
    assert different > equal / 2


@settings(max_examples=40, deadline=None)
@given(crop=NOISE)
def test_noise_on_the_default_kernels(on_default_kernels: Both, crop: Crops) -> None:
    """A crop of any pixels has the same logits by steps as whole."""
    pixels = quantised(crop)
    assert on_default_kernels.step(pixels).tolist() == on_default_kernels.classify(pixels).tolist()


@settings(max_examples=10, deadline=None)
@given(crop=NOISE)
def test_noise_on_the_reference_kernels(on_reference_kernels: Both, crop: Crops) -> None:
    """A crop of any pixels has the same logits by steps as whole, where the kernels are the plain ones."""
    pixels = quantised(crop)
    assert on_reference_kernels.step(pixels).tolist() == on_reference_kernels.classify(pixels).tolist()


@pytest.mark.parametrize("runtime", EITHER_RUNTIME[1:])
def test_digits_on_tflite_runtime(tmp_path: Path, variant: str, runtime: str, digits: Digits) -> None:
    """On LiteRT's predecessor three hundred digits have the same logits by steps as whole."""
    equal, different = compared(tmp_path, variant, runtime, "AUTO", digits[0])
    assert equal == 300
    assert different > 150


def test_states_keep_their_scale(variant: str) -> None:
    """Every state leaves with the one scale and zero point with which it enters, and they are the manifest's."""
    (step,) = (graph for graph in read_graphs(content(variant)) if graph.signature == "step")
    states = read_manifest(MODELS / variant).states
    assert sorted(step.states) == sorted(state.name for state in states)
    assert len(states) == (2 if variant == "rows" else 4)
    for state in states:
        before, after = step.inputs[state.name], step.outputs[state.name + "_out"]
        assert before.scales == after.scales == (state.quantisation.scale,)
        assert before.zero_points == after.zero_points == (state.quantisation.zero_point,)
        assert before.shape == after.shape == state.shape
        assert (before.type, after.type) == ("INT8", "INT8")


def test_edges_have_one_scale(variant: str) -> None:
    """Both signatures take pixels by 1/255 and -128, and give logits of one scale and zero point."""
    graphs = {graph.signature: graph for graph in read_graphs(content(variant))}
    pixels = (graphs["classify"].inputs["crop"], graphs["step"].inputs["rows"])
    assert {(tensor.scales, tensor.zero_points) for tensor in pixels} == {((0.003921568859368563,), (-128,))}
    logits = [graph.outputs["logits"] for graph in graphs.values()]
    assert len({(tensor.scales, tensor.zero_points) for tensor in logits}) == 1


def test_float_twin(converted_rows2d: Converted, digits: Digits) -> None:
    """The float file's two signatures agree within 1e-5."""
    both = Both(converted_rows2d.conversion.float_tflite, columns=False)
    for crop in digits[0][::5]:
        pixels = crop / np.float32(255)
        np.testing.assert_allclose(both.step(pixels), both.classify(pixels), atol=1e-5)


def test_file_size(variant: str) -> None:
    """The second signature adds at most 12 % to the bytes of the first, as both read the same weights."""
    whole = content(variant)
    alone = classify_alone(whole)
    assert list(Interpreter(model_content=alone).get_signature_list()) == ["classify"]
    assert len(alone) < len(whole) <= 1.12 * len(alone)


def classify_alone(content: bytes) -> bytes:
    """The file without the graph of `step`, and without what only that graph reads."""
    model = load(content)
    (model.signatureDefs,) = ([entry] for entry in model.signatureDefs if entry.signatureKey == b"classify")
    model.subgraphs = [model.subgraphs[model.signatureDefs[0].subgraphIndex]]
    model.signatureDefs[0].subgraphIndex = 0
    holders = [*model.subgraphs[0].tensors, *(model.metadata or ())]
    kept = sorted({0, *(holder.buffer for holder in holders)})
    for holder in holders:
        holder.buffer = kept.index(holder.buffer)
    model.buffers = [model.buffers[index] for index in kept]
    return dump(model)
