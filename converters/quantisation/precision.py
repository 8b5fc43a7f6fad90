"""Quantises with recurrent cells in int8 or in int16, or chooses between the two by what comes out.

Each step of a recurrence adds what int8 rounds off to the state, so that over many steps it may drown the signal. With
`int8+state16` recurrent cells compute in int16 on weights of int8; all else stays int8.

Source: TensorFlow Lite, 16x8 quantization, https://ai.google.dev/edge/litert/models/post_training_integer_quant_16x8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from converters.quantisation.fidelity import RealOutputs, signal_to_noise_db
from converters.quantisation.input_scale import fold_input_scale
from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range
from converters.quantisation.recurrence import recurrent_tensors
from converters.quantisation.roles import roles_of, tied_ranges
from converters.quantisation.round_alike import round_alike
from converters.quantisation.tables import set_aside, write_tables
from converters.quantisation.widening import put_right, with_own_constants
from converters.tflite.graph import Graph, read_graphs
from converters.workspace import Wanted
from device.arrays import Float32
from device.contract.manifest import Precision
from device.signatures import CROP, LINES, STATE_SUFFIX

# Trained networks of 28 to 128 steps lost less than 0.4 percentage points above 29 dB, and up to 22 below 18 dB.
ENOUGH_DB = 30.0


@dataclass(frozen=True, eq=False)
class Measured:
    """A float flatbuffer with the range of each activation; `pixels` is that of an image, None for other inputs.

    If the file is to be `small`, the weights of a matrix product have one scale.
    """

    float_tflite: bytes
    ranges: Mapping[str, Range]
    pixels: Range | None
    small: bool = False


@dataclass(frozen=True)
class Quantised:
    """A quantised flatbuffer; `signal_to_noise_db` holds what a choice was made by, for each precision tried."""

    tflite: bytes
    precision: Precision
    signal_to_noise_db: Mapping[str, float] = field(default_factory=dict)


def quantised(network: Measured, *, wide: bool) -> Quantised:
    """Returns the flatbuffer in int8; if `wide`, with recurrent cells in int16, if there are any.

    Raises ValueError as `quantise`, `tied_ranges` and `round_alike` do.
    """
    float_tflite, pixels = network.float_tflite, network.pixels
    if pixels is not None:
        float_tflite, pixels = fold_input_scale(float_tflite, pixels)
    aside = set_aside(float_tflite)
    graphs = read_graphs(aside.float_tflite)
    inputs = [graph.inputs[name].name for graph in graphs for name in (CROP, LINES) if name in graph.inputs]
    # A network whose first operator has no weights gives no other sign that its lines are its image.
    roles = roles_of(graphs, [*_states(graphs), *((inputs[0], other) for other in inputs[1:])])
    # A table has 256 values.
    in_int8 = {name.decode() for name in aside.functions}
    chosen = recurrent_tensors(graphs, roles) - in_int8 if wide else frozenset()
    fixed = dict.fromkeys(inputs, pixels) if pixels is not None else {}
    ranges = tied_ranges(graphs, network.ranges, fixed, roles, chosen)
    if not chosen:
        int8_tflite = quantise(aside.float_tflite, ranges, small=network.small)
        return Quantised(round_alike(write_tables(int8_tflite, aside.functions)), "int8")
    separate = with_own_constants(aside.float_tflite)
    mixed = put_right(quantise(separate, ranges, chosen, small=network.small), separate)
    return Quantised(round_alike(write_tables(mixed, aside.functions)), "int8+state16")


def choose(network: Measured, wanted: Wanted, run: RealOutputs, inputs: Float32) -> Quantised:
    """Returns the flatbuffer in the precision that is wanted; if that is `auto`, in int8 if that is precise enough.

    That is decided by the outputs for some of the `inputs [n, ...]`. Otherwise the nearer of the two is taken.
    """
    if wanted != "auto":
        return quantised(network, wide=wanted == "int8+state16")
    tried = run.enough(inputs)
    real = run(network.float_tflite, tried)

    def measured(file: Quantised) -> Quantised:
        near = run(file.tflite, tried)
        ratio_db = min(signal_to_noise_db(real[name], near[name]) for name in real)
        return replace(file, signal_to_noise_db={file.precision: round(ratio_db, 2)})

    narrow = measured(quantised(network, wide=False))
    if narrow.signal_to_noise_db["int8"] >= ENOUGH_DB:
        return narrow
    other = measured(quantised(network, wide=True))
    found = {**narrow.signal_to_noise_db, **other.signal_to_noise_db}
    return replace(max(narrow, other, key=lambda file: found[file.precision]), signal_to_noise_db=found)


def _states(graphs: Sequence[Graph]) -> Iterator[tuple[str, str]]:
    """Yields the tensors of each state: its input and its output."""
    for graph in graphs:
        for name in graph.states:
            yield graph.inputs[name].name, graph.outputs[name + STATE_SUFFIX].name
