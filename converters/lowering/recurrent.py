"""Lowers recurrent layers: LSTM, GRU, SimpleRNN, RNN of their cells, ConvLSTM, one way or both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import tensorflow as tf
from keras import layers

from converters.lowering.cells import Cell, Unrolled, lower_cell, lower_convolutional_cell
from converters.lowering.convolution import Surroundings, require_channels_last
from converters.lowering.layer_graph import Call
from converters.lowering.operations import BothWays, Operation, Recurrence
from converters.lowering.refusal import LayerRefusal

_MERGES: Mapping[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = MappingProxyType({
    "concat": lambda ahead, back: tf.concat([ahead, back], axis=-1),
    "sum": lambda ahead, back: ahead + back,
    "mul": lambda ahead, back: ahead * back,
    "ave": lambda ahead, back: (ahead + back) * 0.5,
})  # fmt: skip


def lower_recurrent(call: Call, around: Surroundings) -> Sequence[Operation]:
    """Returns an LSTM, GRU, SimpleRNN or RNN; one operation for each cell of stacked cells.

    Raises LayerRefusal for a cell of another kind, and where states come from another layer or an earlier input.
    """
    del around
    layer = call.layer
    _refuse_states(call)
    *below, last = map(lower_cell, _cells(layer))
    if below and layer.return_state:
        raise LayerRefusal("Expected return_state=False of stacked cells. Use a layer for each cell")
    unrolled = Unrolled(last, layer.go_backwards and not below)
    return (
        # Backwards below, each cell takes the outputs in the order in which the one below it gave them.
        *(Recurrence(layer.name, Unrolled(cell, layer.go_backwards and not index), return_sequences=True)
          for index, cell in enumerate(below)),
        Recurrence(layer.name, unrolled, layer.return_sequences, layer.return_state),
    )  # fmt: skip


def lower_maps(call: Call, around: Surroundings) -> Sequence[Operation]:
    """Returns a ConvLSTM1D or ConvLSTM2D; raises LayerRefusal as `lower_recurrent` does."""
    layer = call.layer
    _refuse_states(call)
    require_channels_last(layer)
    unrolled = Unrolled(lower_convolutional_cell(layer, around.size[1:]), layer.go_backwards)
    return (Recurrence(layer.name, unrolled, layer.return_sequences, layer.return_state),)


def lower_both_ways(call: Call, around: Surroundings) -> Sequence[Operation]:
    """Returns a Bidirectional; raises LayerRefusal as `lower_recurrent` does."""
    layer = call.layer
    _refuse_states(call)
    forwards, backwards = (_one_way(each, around) for each in (layer.forward_layer, layer.backward_layer))
    if forwards.go_backwards or not backwards.go_backwards:
        raise LayerRefusal("Expected a forward layer, and a backward layer with go_backwards=True")
    merge = _MERGES[layer.merge_mode] if layer.merge_mode is not None else None
    returned = layer.forward_layer.return_sequences, layer.forward_layer.return_state
    return (BothWays(layer.name, forwards, backwards, *returned, merge),)


def _one_way(layer: layers.RNN, around: Surroundings) -> Unrolled:
    if isinstance(layer, (layers.ConvLSTM1D, layers.ConvLSTM2D)):
        require_channels_last(layer)
        return Unrolled(lower_convolutional_cell(layer, around.size[1:]), layer.go_backwards)
    cells = _cells(layer)
    if len(cells) > 1:
        raise LayerRefusal("Expected one cell each way. Use a Bidirectional for each cell of the stack")
    (cell,) = cells
    lowered: Cell = lower_cell(cell)
    return Unrolled(lowered, layer.go_backwards)


def _cells(layer: layers.RNN) -> Sequence[layers.Layer]:
    cells: Sequence[layers.Layer] = layer.cell.cells if type(layer.cell) is layers.StackedRNNCells else [layer.cell]
    return cells


def _refuse_states(call: Call) -> None:
    if len(call.inputs) > 1:
        raise LayerRefusal(
            "its initial state, or its mask, comes from another layer. Every input starts at states of zero here: hand "
            "the other layer's output in with its input, by RepeatVector and Concatenate"
        )
    if getattr(call.layer, "stateful", False):
        raise LayerRefusal(
            "stateful=True keeps the state of one input for the next. Convert it as continuous, or set stateful=False: "
            "the weights stay the same, and the device starts every input at states of zero"
        )
