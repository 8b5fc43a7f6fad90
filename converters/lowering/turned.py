"""Turns a network whose front sees rows while its recurrent layers read columns, so that all of it reads columns.

Networks for lines of text convolve an image, swap its rows and columns, and step along the columns. Swapped in front of
the convolutions, whose kernels are transposed for that, the columns are lines that can arrive one after another.

Source of such networks: Shi, Bai, Yao, An End-to-End Trainable Neural Network for Image-based Sequence Recognition,
2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from converters.lowering.convolution import Convolution
from converters.lowering.lower import Lowered, Node, Shape, called
from converters.lowering.operations import Merge, Operation, Pointwise, Pooling, Reordering

_SWAPPED = (0, 2, 1, 3)
# Kernels round otherwise where they find other numbers side by side.
_ROUNDING = 1e-5


def turned(network: Lowered) -> Lowered:
    """Returns the network with its rows and columns swapped at the front, if they are swapped behind convolutions.

    It computes the same. A network that cannot be turned is returned as it is.
    """
    swap = next((node for node in network.nodes if _swaps(node.operation)), None)
    if swap is None or swap.inputs == (0,):
        return network
    front = _ahead_of(network, swap)
    operations = [_turned(node, network) for node in front]
    outside = [node for node in network.nodes if node not in front and node is not swap]
    inside = {number for node in front for number in node.outputs}
    if (
        None in operations
        or any(inside.intersection(node.inputs) for node in outside)
        or inside & {*network.outputs.values()}
    ):
        return network
    first, (behind,) = max(network.shapes) + 1, swap.outputs
    nodes = [Node(swap.operation, (0,), (first,))]
    nodes += [
        Node(operation, _renumbered(node.inputs, 0, first), node.outputs)
        for node, operation in zip(front, operations, strict=True) if operation is not None
    ]  # fmt: skip
    nodes += [replace(node, inputs=_renumbered(node.inputs, behind, swap.inputs[0])) for node in outside]
    outputs = {name: swap.inputs[0] if number == behind else number for name, number in network.outputs.items()}
    swapped = {number: _swapped(network.shapes[number]) for number in inside}
    shapes = {**network.shapes, **swapped, first: _swapped(network.shapes[0])}
    return Lowered(tuple(nodes), outputs, shapes, network.heads)


def _swaps(operation: Operation) -> bool:
    return isinstance(operation, Reordering) and operation.swaps_rows_and_columns


def _ahead_of(network: Lowered, swap: Node) -> list[Node]:
    wanted, found = set(swap.inputs), []
    for node in reversed(network.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            found.append(node)
    return found[::-1]


def _turned(node: Node, network: Lowered) -> Operation | None:
    operation, shapes = node.operation, [network.shapes[number] for number in node.inputs]
    if isinstance(operation, Convolution) and operation.kernel.ndim == 4:
        kernel = np.ascontiguousarray(operation.kernel.swapaxes(0, 1))
        strides, dilations, padding = operation.strides[::-1], operation.dilations[::-1], operation.padding[::-1]
        return replace(operation, kernel=kernel, strides=strides, dilations=dilations, padding=padding)
    if isinstance(operation, Pooling) and operation.turned is not None:
        return operation.turned()
    return operation if isinstance(operation, (Pointwise, Merge)) and _is_the_same_turned(node, shapes) else None


def _is_the_same_turned(node: Node, shapes: Sequence[Shape]) -> bool:
    if any(len(shape) != 4 for shape in shapes) or len(node.outputs) > 1:
        return False
    random = np.random.default_rng(0)
    maps = [tf.constant(random.uniform(-1, 1, shape), tf.float32) for shape in shapes]
    (expected,) = called(node, maps)
    try:
        (found,) = called(node, [tf.transpose(each, _SWAPPED) for each in maps])
    except (ValueError, tf.errors.InvalidArgumentError):  # weights for each column, on as many rows
        return False
    found = tf.transpose(found, _SWAPPED) if found.shape.rank == 4 else found
    return bool(found.shape == expected.shape and np.allclose(found, expected, atol=_ROUNDING, equal_nan=True))


def _swapped(shape: Shape) -> Shape:
    return (shape[0], shape[2], shape[1], *shape[3:])


def _renumbered(numbers: Sequence[int], old: int, new: int) -> tuple[int, ...]:
    return tuple(new if number == old else number for number in numbers)
