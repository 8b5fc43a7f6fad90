"""Takes the scaling of an image off the front of a network: the input's scale says the same without an operator.

A network that begins with `x / 127.5 - 1` on pixels of 0..255 is one on -1..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.quantisation.ranges import Range
from converters.tflite.editing import builtin, drop_unread_tensors, is_constant
from converters.tflite.flatbuffer import dump, load

_Op = schema.BuiltinOperator


@dataclass(frozen=True)
class _Affine:
    scale: float = 1.0
    offset: float = 0.0

    def then(self, operator: int, constant: float) -> _Affine:
        """Returns this function followed by an operator with a constant."""
        if operator == _Op.ADD:
            return _Affine(self.scale, self.offset + constant)
        if operator == _Op.SUB:
            return _Affine(self.scale, self.offset - constant)
        factor = constant if operator == _Op.MUL else 1 / constant
        return _Affine(self.scale * factor, self.offset * factor)


def fold_input_scale(float_tflite: bytes, pixels: Range) -> tuple[bytes, Range]:
    """Returns the flatbuffer without the scaling of its input, and the input's range then; `pixels` is that before.

    The first input of each graph is the image, or its lines. Nothing is folded unless all graphs scale alike.
    """
    model = load(float_tflite)
    folded = [_fold(model, graph) for graph in model.subgraphs]
    if len(set(folded)) != 1 or folded[0] == _Affine() or folded[0].scale <= 0:
        return float_tflite, pixels
    drop_unread_tensors(model)
    (affine,) = set(folded)
    return dump(model), Range(*(affine.scale * end + affine.offset for end in (pixels.low, pixels.high)))


def _fold(model: schema.ModelT, graph: schema.SubGraphT) -> _Affine:
    affine, image = _Affine(), int(graph.inputs[0])
    while (operator := _scaling(model, graph, image)) is not None:
        first, second = (graph.tensors[index] for index in operator.inputs)
        constant_first = is_constant(model, first)
        constant = np.frombuffer(model.buffers[(first if constant_first else second).buffer].data, np.float32)[0]
        affine = affine.then(builtin(model, operator), float(constant))
        image = int(operator.outputs[0])
        graph.operators.remove(operator)
    _replace_input(model, graph, image)
    return affine


def _scaling(model: schema.ModelT, graph: schema.SubGraphT, image: int) -> schema.OperatorT | None:
    """Returns the one operator that reads the image, if it scales or shifts all of it alike."""
    readers = [operator for operator in graph.operators if image in operator.inputs]
    if len(readers) != 1 or image in graph.outputs:
        return None
    (operator,) = readers
    kind = builtin(model, operator)
    if kind not in (_Op.ADD, _Op.SUB, _Op.MUL, _Op.DIV) or operator.builtinOptions.fusedActivationFunction:
        return None
    constants = [index for index in operator.inputs if index != image]
    one_number = len(constants) == 1 and is_constant(model, graph.tensors[constants[0]])
    one_number = one_number and int(np.prod(graph.tensors[constants[0]].shape, dtype=np.int64)) == 1
    turned = kind in (_Op.SUB, _Op.DIV) and operator.inputs[0] != image
    return operator if one_number and not turned else None


def _replace_input(model: schema.ModelT, graph: schema.SubGraphT, image: int) -> None:
    """Makes a tensor the graph's first input, under the name of the one that was."""
    old = int(graph.inputs[0])
    if old == image:
        return
    graph.tensors[image].name, graph.tensors[old].name = graph.tensors[old].name, graph.tensors[image].name
    graph.inputs = np.array([image, *graph.inputs[1:]], np.int32)
    index = model.subgraphs.index(graph)
    for entry in model.signatureDefs:
        if entry.subgraphIndex == index:
            for each in entry.inputs:
                each.tensorIndex = image if each.tensorIndex == old else each.tensorIndex
