"""A network as inference computes it: the functions of the file's signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from converters.lowering.lower import Lowered, Shape, lowered
from converters.lowering.refusal import NetworkRefusedError
from converters.lowering.step_form import StepForm, step_form
from converters.lowering.time_axis import NotStreamableError
from converters.lowering.turned import turned
from converters.workspace import MAX_UNROLLED_STEPS, NetworkFacts
from device.signatures import CLASSIFY, CROP, LINES, STATE_SUFFIX, STEP


class InferenceNetwork(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """A network as inference computes it, whole and, if possible, step by step.

    `classify(crop <float32>[1, ...]) → outputs`; `step(rows, NAME…) → outputs, NAME_out…`. If the network does not
    stream, `step` is None, and `facts` say why. If it streams in more than `unrolled_steps_max` steps there is no
    `classify`: unrolled, it would have some ten operators for each step (`converters.workspace.MAX_UNROLLED_STEPS`). A
    `continuous` network, whose states are never reset, has none either.
    """

    def __init__(
        self,
        network: keras.Model,
        shape: Shape | None = None,
        *,
        keep_head: bool = False,
        continuous: bool = False,
        unrolled_steps_max: int = MAX_UNROLLED_STEPS,
    ) -> None:
        """Lowers `network` for an input of this shape `[1, ...]`; raises as `lowered` does.

        Raises NetworkRefusedError if it is to be `continuous` and does not stream.
        """
        super().__init__()
        whole = turned(lowered(network, shape, keep_head=keep_head))
        self.lowered = whole
        self.step_form: StepForm | None = None
        self.classify: Any = None
        self.step: Any = None
        reason = ""
        try:
            self.step_form = step_form(whole)
            self.step = _step(self.step_form)
        except NotStreamableError as error:
            reason = str(error)
            if continuous:
                raise NetworkRefusedError(f"{reason}. A continuous network answers as lines arrive") from error
        if self.step_form is None or (not continuous and self.step_form.unrolled_steps <= unrolled_steps_max):
            self.classify = _classify(whole)
        self.facts = _facts(whole, self.step_form, reason)

    @property
    def signatures(self) -> Mapping[str, tf.types.experimental.GenericFunction]:
        """The functions of the file's signatures, by name."""
        named = {CLASSIFY: self.classify, STEP: self.step}
        return {name: function for name, function in named.items() if function is not None}


def _facts(network: Lowered, form: StepForm | None, reason: str) -> NetworkFacts:
    if form is None:
        return NetworkFacts(network.heads, (), "rows", 1, network.shapes[0][1], reason)
    return NetworkFacts(network.heads, form.per_step, form.time_axis, form.steps, form.lines[1], reason)


def _classify(network: Lowered) -> tf.types.experimental.GenericFunction:
    def classify(crop: tf.Tensor) -> dict[str, tf.Tensor]:
        return network(crop)

    specs = [tf.TensorSpec(network.shapes[0], tf.float32, name=CROP)]
    return tf.function(classify, input_signature=specs, autograph=False)


def _step(form: StepForm) -> tf.types.experimental.GenericFunction:
    def step(rows: tf.Tensor, *states: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs, after = form(rows, states)
        return outputs | {name + STATE_SUFFIX: state for name, state in zip(form.states, after, strict=True)}

    shapes = {LINES: form.lines, **form.states}
    specs = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()]
    return tf.function(step, input_signature=specs, autograph=False)
