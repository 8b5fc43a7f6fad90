"""Records which layers a network calls, with which tensors, also while it is being built and where that fails."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras

Shape = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a layer, or of an operation of `keras.ops`; `error` is what it raised instead of an output.

    Its output may be its input itself, as that of Dropout.
    """

    layer: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    outputs: tuple[Any, ...]
    error: Exception | None = field(default=None)

    def __post_init__(self) -> None:
        if self.error is not None and self.outputs:
            raise ValueError(f"Expected outputs or an error. Received both of {self.layer}: {self.error}")

    @property
    def name(self) -> str:
        return str(self.layer.name)

    @property
    def kind(self) -> str:
        return type(self.layer).__name__

    @property
    def inputs(self) -> tuple[Any, ...]:
        return tuple(each for each in keras.tree.flatten((self.arguments, self.options)) if _is_tensor(each))

    @property
    def input_shape(self) -> Shape:
        """The shape of the first input without the batch; () if the call has no tensor."""
        return tuple(self.inputs[0].shape[1:]) if self.inputs else ()

    @property
    def output_shape(self) -> Shape:
        """The shape of the first output without the batch; () if there is none."""
        return tuple(self.outputs[0].shape[1:]) if self.outputs else ()


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Record the calls of layers inside the block, in their order; what is inside a layer is not a call of its own."""
    calls: list[Call] = []
    inside: list[Any] = []
    originals = {cls: cls.__call__ for cls in (keras.Layer, keras.Operation)}
    for cls, original in originals.items():
        cls.__call__ = _observed(original, calls, inside)
    try:
        yield calls
    finally:
        for cls, original in originals.items():
            cls.__call__ = original


def producers(call: Call, calls: Sequence[Call]) -> list[Call]:
    """Return the calls whose outputs `call` takes, the nearest first."""
    wanted = {id(each) for each in call.inputs}
    return [each for each in reversed(calls) if wanted & {id(output) for output in each.outputs}]


def consumers(call: Call, calls: Sequence[Call]) -> list[Call]:
    """Return the calls that take an output of `call`."""
    given, later = {id(output) for output in call.outputs}, calls[calls.index(call) + 1 :]
    return [each for each in later if given & {id(taken) for taken in each.inputs}]


def upstream(call: Call, calls: Sequence[Call]) -> Iterator[Call]:
    """Yield the calls before `call` along its first input, the nearest first."""
    found = producers(call, calls)
    while found:
        yield found[0]
        found = producers(found[0], calls[: calls.index(found[0])])


def _observed(original: Callable[..., Any], calls: list[Call], inside: list[Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        if inside:
            return original(self, *arguments, **options)
        network = isinstance(self, keras.Model)
        if not network:
            inside.append(self)
        try:
            outputs = original(self, *arguments, **options)
        except Exception as error:
            if not (calls and calls[-1].error):
                calls.append(Call(self, arguments, options, (), error))
            raise
        finally:
            if not network:
                inside.pop()
        # A network inside another is seen as its layers, if these are called at all.
        if not network or _is_symbolic((arguments, options)):
            calls.append(Call(self, arguments, options, tuple(filter(_is_tensor, keras.tree.flatten(outputs)))))
        return outputs

    return call


def _is_tensor(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor) or keras.ops.is_tensor(value)


def _is_symbolic(values: Any) -> bool:
    return any(isinstance(each, keras.KerasTensor) for each in keras.tree.flatten(values))
