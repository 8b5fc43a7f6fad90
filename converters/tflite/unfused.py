"""Takes activations out of sums of a float flatbuffer, as operators of their own.

The first step of an unrolled network has an activation where later steps have one behind a sum. Written alike, both
have the same role, and so the same scale.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import append, builtin, code_of, operator_of, tensor_of
from converters.tflite.flatbuffer import dump, load

_NONE = schema.ActivationFunctionType.NONE
_ALONE = {
    schema.ActivationFunctionType.RELU: schema.BuiltinOperator.RELU,
    schema.ActivationFunctionType.RELU6: schema.BuiltinOperator.RELU6,
}
_SUMS = frozenset({schema.BuiltinOperator.ADD, schema.BuiltinOperator.SUB})


def unfused(float_tflite: bytes) -> bytes:
    """Returns the flatbuffer with an operator behind each sum that had an activation in it."""
    model = load(float_tflite)
    changed = False
    for graph in model.subgraphs:
        operators = []
        for operator in graph.operators:
            operators.append(operator)
            if builtin(model, operator) in _SUMS and operator.builtinOptions.fusedActivationFunction in _ALONE:
                operators.append(_taken_out(model, graph, operator))
                changed = True
        graph.operators = operators
    return dump(model) if changed else float_tflite


def _taken_out(model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT) -> schema.OperatorT:
    (written,) = map(int, operator.outputs)
    whole = graph.tensors[written]
    total = append(graph, tensor_of(whole.name + b"/sum", whole.type, whole.shape))
    kind = _ALONE[operator.builtinOptions.fusedActivationFunction]
    operator.builtinOptions.fusedActivationFunction = _NONE
    operator.outputs = operator.outputs.copy()
    operator.outputs[0] = total
    return operator_of(code_of(model, kind), [total], [written], None)
