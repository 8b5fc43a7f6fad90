"""Tests of recurrent cells in int16, on small networks in both runtimes, each in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from converters.child import measure, write_float
from converters.convert import convert
from converters.lowering.inference import InferenceNetwork
from converters.quantisation.fidelity import RealOutputs, signal_to_noise_db
from converters.quantisation.precision import Measured, Quantised, choose, quantised
from converters.quantisation.ranges import run_begins
from converters.tflite.graph import Graph, read_graphs
from converters.tflite.structure import find_problems
from device.arrays import Float32
from tests.conftest import EITHER_RUNTIME, run_python

# The quantiser looks into inner tensors, of which the interpreter warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

# For random inputs: how many `classify` and `step` answer differently, and how many different answers there are.
COMPARES = """
import importlib, json, sys
import numpy as np
model, runtime = sys.argv[1:]
interpreter = importlib.import_module(runtime + ".interpreter").Interpreter(model_path=model)
classify, step = map(interpreter.get_signature_runner, ("classify", "step"))
details = step.get_input_details()
lines = details.pop("rows")["shape"][1]
differing, answers = 0, set()
for seed in range(40):
    shape = classify.get_input_details()["crop"]["shape"]
    crop = np.random.default_rng(seed).integers(-128, 128, shape, np.int8)
    whole = classify(crop=crop)["logits"].tobytes()
    values = {name: np.full(each["shape"], each["quantization"][1], each["dtype"]) for name, each in details.items()}
    rows = []
    for start in range(0, shape[1], lines):
        out = {name: each.copy() for name, each in step(rows=crop[:, start : start + lines], **values).items()}
        values = {name: out[name + "_out"] for name in values}
        rows.append(out["logits"])
    stepped = np.concatenate(rows, axis=1) if rows[0].ndim > 2 else rows[-1]
    differing += whole != stepped.tobytes()
    answers.add(whole)
print(json.dumps([differing, len(answers)]))
"""


def sequential(shape: tuple[int, ...], *stack: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *stack])


def convolutional() -> keras.Model:
    """A convolution over two rows above, whose states stay int8, ahead of an LSTM."""
    ahead = (layers.ZeroPadding2D(((2, 0), (1, 1))), layers.Conv2D(6, 3, activation="relu"), layers.MaxPooling2D(2))
    return sequential((16, 12, 1), *ahead, layers.Reshape((8, 36)), layers.LSTM(16), layers.Dense(5))


def beside() -> keras.Model:
    """An LSTM whose input is added to its outputs, so that both have one role."""
    given = keras.Input((12, 6))
    features = layers.Dense(8)(given)
    summed = layers.Add()([features, layers.LSTM(8, return_sequences=True)(features)])
    return keras.Model(given, layers.Dense(3)(layers.LSTM(8)(summed)))


def long() -> keras.Model:
    """An LSTM over 128 steps whose forget gates are nearly open, so that it remembers all of them."""
    remembering = layers.LSTM(16)
    network = sequential((128, 9), remembering, layers.Dense(3))
    kernel, recurrent_kernel, bias = remembering.get_weights()
    bias[16:32] = 5
    remembering.set_weights([0.3 * kernel, 0.3 * recurrent_kernel, bias])
    return network


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "convolutional": convolutional,
    "beside": beside,
    "lstm": lambda: sequential((12, 6), layers.LSTM(8), layers.Dense(4)),
    "lstm with relu": lambda: sequential((12, 6), layers.LSTM(8, activation="relu"), layers.Dense(4)),
    "lstm as output": lambda: sequential((12, 6), layers.LSTM(8)),
    "lstm at each step": lambda: sequential((12, 6), layers.LSTM(8, return_sequences=True)),
    "hard sigmoid": lambda: sequential((12, 6), layers.LSTM(8, recurrent_activation="hard_sigmoid"), layers.Dense(4)),
    "gru": lambda: sequential((12, 6), layers.GRU(8), layers.Dense(4)),
    "gru resetting before": lambda: sequential((12, 6), layers.GRU(8, reset_after=False), layers.Dense(4)),
    "simple": lambda: sequential((12, 6), layers.SimpleRNN(8), layers.Dense(4)),
    "linear": lambda: sequential((12, 6), layers.SimpleRNN(8, activation=None), layers.Dense(4)),
    "table": lambda: sequential((12, 6), layers.SimpleRNN(8, activation="elu"), layers.Dense(4)),
    "maps": lambda: sequential(
        (6, 8, 8, 2), layers.ConvLSTM2D(4, 3, padding="same"), layers.Flatten(), layers.Dense(4)
    ),
    "stacked": lambda: sequential(
        (12, 6),
        layers.LSTM(8, return_sequences=True),
        layers.Dense(7, activation="relu"),
        layers.GRU(5, return_sequences=True),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4),
    ),
    "both ways": lambda: sequential((12, 6), layers.Bidirectional(layers.LSTM(8)), layers.Dense(4)),
    "no cell": lambda: sequential(
        (12, 6), layers.Conv1D(8, 3, padding="causal", activation="relu"), layers.Flatten(), layers.Dense(4)
    ),
    "long": long,
}
# What others have too.
LIKE_OTHERS = ("beside", "hard sigmoid", "gru resetting before", "lstm with relu", "maps", "lstm as output", "simple")
CHOSEN = [pytest.param(name, marks=pytest.mark.thorough) if name in LIKE_OTHERS else name for name in NETWORKS]
STREAMING = [each for each in CHOSEN if each not in ("both ways", "no cell", "long")]


@dataclass(frozen=True, eq=False)
class Made:
    """A network of random weights with the ranges of its activations, what runs it, and what it was measured on."""

    measured: Measured
    run: RealOutputs
    inputs: Float32


@cache
def made(name: str) -> Made:
    keras.utils.set_random_seed(3)
    network = NETWORKS[name]()
    inputs = np.random.default_rng(0).normal(size=(24, *network.input_shape[1:])).astype(np.float32)
    lowered = InferenceNetwork(network, (1, *inputs.shape[1:]))
    float_tflite = write_float(lowered)
    ranges = measure(float_tflite, inputs, lowered.step_form, run_begins(None, len(inputs)))
    return Made(Measured(float_tflite, ranges, None), RealOutputs(("logits",), lowered.step_form, None), inputs)


@cache
def file(name: str, *, wide: bool) -> Quantised:
    return quantised(made(name).measured, wide=wide)


def graphs(name: str, *, wide: bool = True) -> dict[str, Graph]:
    return {graph.signature: graph for graph in read_graphs(file(name, wide=wide).tflite)}


def ratio_db(name: str, *, wide: bool) -> float:
    each = made(name)
    real, near = (
        each.run(tflite, each.inputs) for tflite in (each.measured.float_tflite, file(name, wide=wide).tflite)
    )
    return signal_to_noise_db(real["logits"], near["logits"])


@pytest.mark.sampled
@pytest.mark.slow
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
@pytest.mark.parametrize("name", STREAMING)
def test_step_equals_classify(tmp_path: Path, name: str, runtime: str) -> None:
    """Step by step, with states in int16, random inputs get the answers that they get whole, in every bit."""
    model = tmp_path / "model.tflite"
    model.write_bytes(file(name, wide=True).tflite)
    differing, answers = json.loads(run_python("-c", COMPARES, model, runtime.replace("-", "_")).stdout)
    assert differing == 0
    assert answers > 30


@pytest.mark.sampled
@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_files_may_ship(name: str) -> None:
    """Every file has int8 inputs and outputs, complete constants, and states that come out as they go in."""
    assert find_problems(read_graphs(file(name, wide=True).tflite)) == ()


def test_cells_compute_in_int16() -> None:
    """In an LSTM's file the states, both products and all gates are int16, weights and everything outside int8."""
    step = graphs("lstm")["step"]
    edges = {name: tensor.type for name, tensor in {**step.inputs, **step.outputs}.items()}
    states = ("h0", "c0", "h0_out", "c0_out")
    assert edges == {"rows": "INT8", "logits": "INT8"} | dict.fromkeys(states, "INT16")
    computed = {(operator.name, operator.outputs[0].type) for operator in step.operators}
    assert {name for name, kind in computed if kind == "INT8"} == {"QUANTIZE", "FULLY_CONNECTED"}
    products = [operator for operator in step.operators if operator.name == "FULLY_CONNECTED"]
    assert [operator.outputs[0].type for operator in products] == ["INT16", "INT16", "INT8"]
    assert {operator.inputs[1].type for operator in products} == {"INT8"}


def test_states_of_convolutions_stay_int8() -> None:
    """The rows that a convolution keeps do not collect errors, so they stay int8 beside an LSTM's int16."""
    inputs = {name: tensor.type for name, tensor in graphs("convolutional")["step"].inputs.items()}
    assert inputs == {"rows": "INT8", "rows0": "INT8", "h3": "INT16", "c3": "INT16"}


@pytest.mark.thorough
def test_cells_without_states_compute_in_int16() -> None:
    """A Bidirectional, which has no step, computes its gates in int16 too."""
    (classify,) = graphs("both ways").values()
    gates = {operator.outputs[0].type for operator in classify.operators if operator.name in ("LOGISTIC", "TANH")}
    assert gates == {"INT16"}


@pytest.mark.thorough
def test_no_quantize_from_int8_to_int16() -> None:
    """What tflite-runtime 2.14 cannot do, a CAST and an addition without rounding do: QUANTIZE only narrows."""
    for graph in graphs("stacked").values():
        for operator in graph.operators:
            if operator.name == "QUANTIZE":
                assert (operator.inputs[0].type, operator.outputs[0].type) == ("INT16", "INT8")
        casts = [operator for operator in graph.operators if operator.name == "CAST"]
        assert [(cast.inputs[0].type, cast.outputs[0].type) for cast in casts] == [("INT8", "INT16")] * 2


def test_without_a_cell_the_file_is_int8() -> None:
    """A network without a recurrent cell has nothing to widen: its file is that of int8, and says so."""
    assert file("no cell", wide=True) == file("no cell", wide=False)
    assert file("no cell", wide=True).precision == "int8"


@pytest.mark.slow
@pytest.mark.sampled
@pytest.mark.parametrize("name", ["lstm", "gru", "linear", "stacked"])
def test_nearer_to_float(name: str) -> None:
    """In int16 the answers are nearer to those of the float network than in int8."""
    assert ratio_db(name, wide=True) > ratio_db(name, wide=False) + 3


@pytest.mark.slow
def test_long_sequences() -> None:
    """After 128 steps an LSTM in int16 is at least three times as near to float as one in int8."""
    assert ratio_db("long", wide=True) > ratio_db("long", wide=False) + 10


@pytest.mark.slow
def test_auto_takes_int8_where_it_is_enough() -> None:
    """Without a recurrence int8 is precise enough: `auto` gives its file, with what was measured of it alone."""
    each = made("no cell")
    chosen = choose(each.measured, "auto", each.run, each.inputs)
    assert chosen.tflite == file("no cell", wide=False).tflite
    assert chosen.signal_to_noise_db == {"int8": round(ratio_db("no cell", wide=False), 2)}


@pytest.mark.slow
def test_auto_takes_int16_where_int8_is_not_enough() -> None:
    """Where an LSTM's answers are too far from float in int8, `auto` gives the file in int16, and both ratios."""
    each = made("long")
    chosen = choose(each.measured, "auto", each.run, each.inputs)
    assert chosen.precision == "int8+state16"
    assert chosen.tflite == file("long", wide=True).tflite
    assert chosen.signal_to_noise_db == {
        "int8": round(ratio_db("long", wide=False), 2),
        "int8+state16": round(ratio_db("long", wide=True), 2),
    }


@pytest.mark.thorough
@pytest.mark.slow
def test_conversion_states_its_precision() -> None:
    """A conversion gives the file in the precision asked for, and its facts name it."""
    keras.utils.set_random_seed(3)
    network = sequential((6, 4), layers.LSTM(5), layers.Dense(2))
    conversion = convert(network, made("lstm").inputs[:, :6, :4], None, precision="int8+state16")
    assert conversion.facts.precision == "int8+state16"
    assert conversion.facts.signal_to_noise_db == {}
    assert conversion.graphs["step"].inputs["c0"].type == "INT16"
