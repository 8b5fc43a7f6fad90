"""Why a layer raised while the network was being built, and what mends it."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras import layers

from converters import loading
from pipeline.doctor.finding import Edit, Finding
from pipeline.doctor.kinds import CONV_LSTM, GLOBAL_POOLING, OVER_ONE_AXIS, OVER_TWO_AXES, recurrent
from pipeline.doctor.mends import in_place_of, line, rows_as_steps, with_options
from pipeline.doctor.recording import Call, Shape, upstream
from pipeline.doctor.sequence import stateful

Explanation = Callable[[Call, Sequence[Call]], "Finding | None"]


def explained(error: Exception, calls: Sequence[Call]) -> Finding:
    """Return why building failed: from the call that raised, or from the user's line if no call did."""
    failed = next((call for call in reversed(calls) if call.error is not None), None)
    if failed is None:
        return _outside_layers(error)
    for explanation in _EXPLANATIONS:
        finding = explanation(failed, calls)
        if finding is not None:
            return finding
    what = f"raises on {_shapes(failed)}: {_first_line(failed.error or error)}"
    return Finding("raises", failed.name, what, "the layer does not take what it is given", "see what it expects")


def _no_steps(call: Call, calls: Sequence[Call]) -> Finding | None:
    if recurrent(call.layer) is None or len(call.input_shape) != 1:
        return None
    expected = f"{call.name} expects [steps, features] and gets [{call.input_shape[0]}]"
    for before in upstream(call, calls):
        inner = recurrent(before.layer)
        if inner is not None and not inner.return_sequences:
            mended = with_options(before.layer, return_sequences=True)
            why = f"without return_sequences=True it gives its last state alone: {expected}"
            return Finding(
                "return_sequences missing",
                before.name,
                f"does not pass its steps on to {call.name}",
                why,
                line(mended),
                in_place_of(before.name, mended),
            )
        if isinstance(before.layer, (layers.Flatten, *GLOBAL_POOLING)):
            return _flattened(before, expected)
    return Finding(
        "dimensions", call.name, "gets no steps", expected, f"layers.Reshape((steps, features)) before {call.name}"
    )


def _flattened(flatten: Call, expected: str) -> Finding:
    shape = flatten.input_shape
    what = "loses the steps before the recurrent layer"
    if len(shape) == 3 and None not in shape:
        mended = rows_as_steps(shape)
        return Finding("flatten", flatten.name, what, expected, line(mended), in_place_of(flatten.name, mended))
    return Finding("flatten", flatten.name, what, expected, "take it out", (Edit(flatten.name, remove=True),))


def _map_into_recurrent(call: Call, _: Sequence[Call]) -> Finding | None:
    if recurrent(call.layer) is None or len(call.input_shape) != 3:
        return None
    return _cut_before("dimensions", call, "gets a map of rows, columns and channels, not [steps, features]")


def _over_one_axis(call: Call, _: Sequence[Call]) -> Finding | None:
    if not isinstance(call.layer, OVER_ONE_AXIS) or len(call.input_shape) != 3:
        return None
    return _cut_before("conv1d", call, f"a {call.kind} takes [steps, features], not rows, columns and channels")


def _cut_before(kind: str, call: Call, what: str) -> Finding:
    why = f"received {_shapes(call)}"
    if None in call.input_shape:
        return Finding(kind, call.name, what, why, "layers.Reshape((rows, columns * channels)) before it")
    mended = rows_as_steps(call.input_shape)
    return Finding(kind, call.name, what, why, f"{line(mended)} before it", (Edit(call.name, before=(mended,)),))


def _no_channels(call: Call, _: Sequence[Call]) -> Finding | None:
    if not isinstance(call.layer, OVER_TWO_AXES) or len(call.input_shape) != 2:
        return None
    what, why = "takes rows, columns and channels, and gets no channels", f"received {_shapes(call)}"
    if None in call.input_shape:
        return Finding("dimensions", call.name, what, why, "keras.Input((rows, columns, 1))")
    mended = layers.Reshape((*call.input_shape, 1))
    edits = (Edit(call.name, before=(mended,)),)
    return Finding("dimensions", call.name, what, why, f"{line(mended)} before it", edits)


def _other_rank(call: Call, _: Sequence[Call]) -> Finding | None:
    given = call.input_shape
    if isinstance(call.layer, CONV_LSTM):
        mend = "layers.Reshape((steps, rows, columns, channels)) before it, or keras.Input of that shape"
        return Finding("dimensions", call.name, "takes a sequence of maps", f"received {_shapes(call)}", mend)
    if isinstance(call.layer, layers.TimeDistributed):
        what = "takes the first axis as time, and its layer gets the others"
        mend = f"without TimeDistributed, or an input with steps: keras.Input((steps, {', '.join(map(str, given))}))"
        return Finding("dimensions", call.name, what, f"its layer received {given[1:]} and cannot take it", mend)
    if isinstance(call.layer, layers.Permute) and len(call.layer.dims) != len(given):
        mend = f"layers.Permute with {len(given)} axes" + (": (2, 1, 3)" if len(given) == 3 else "")
        what = f"moves {len(call.layer.dims)} axes of {len(given)}"
        return Finding("dimensions", call.name, what, f"received {_shapes(call)}", mend)
    return None


def _reshape(call: Call, _: Sequence[Call]) -> Finding | None:
    if not isinstance(call.layer, layers.Reshape):
        return None
    given, target = call.input_shape, tuple(call.layer.target_shape)
    what = f"Reshape({target}) does not fit its input {_shapes(call)}"
    if None in given:
        mend = "keras.Input with all sizes given"
        return Finding("free size", call.name, what, "the number of values is not known before it runs", mend)
    why = f"the input has {' * '.join(map(str, given))} = {math.prod(given):,} values; the target takes " + (
        f"multiples of {-math.prod(target):,}" if -1 in target else f"{math.prod(target):,}"
    )
    mended = _fitting(given, target)
    if mended is None:
        return Finding("reshape", call.name, what, why, f"a target of {math.prod(given):,} values")
    return Finding("reshape", call.name, what, why, line(mended), in_place_of(call.name, mended))


def _fitting(given: Shape, target: Shape) -> Any:
    if len(given) == 3 and len(target) == 2:
        return rows_as_steps(given)
    if len(given) == 1 and len(target) == 2:
        size = next((abs(each) for each in target if each != -1 and given[0] % each == 0), 0)
        return layers.Reshape((size, given[0] // size)) if size else None
    if len(given) == 2 and len(target) == 3:
        return layers.Reshape((*given, 1))
    if len(given) == len(target) and len(given) > 1:
        return layers.Reshape(given)
    return None


def _shrinks(call: Call, _: Sequence[Call]) -> Finding | None:
    text = str(call.error)
    if "zero or negative" not in text and "Negative dimension size" not in text:
        return None
    what, why = f"the map {_shapes(call)} is smaller than its window", "layers without padding before it shrank the map"
    mended = with_options(call.layer, padding="same")
    return Finding("shrinks", call.name, what, why, line(mended), in_place_of(call.name, mended))


def _free_size(call: Call, _: Sequence[Call]) -> Finding | None:
    if None not in call.input_shape or ("fully-defined" not in str(call.error) and "defined" not in str(call.error)):
        return None
    mend = "keras.Input with all sizes given, e.g. keras.Input((28, 28, 1))"
    return Finding("free size", call.name, f"has no number of weights for {_shapes(call)}", "a size is free", mend)


def _stateful(call: Call, _: Sequence[Call]) -> Finding | None:
    inner = recurrent(call.layer)
    return stateful(call) if inner is not None and inner.stateful and "stateful" in str(call.error) else None


_EXPLANATIONS: tuple[Explanation, ...] = (
    *(_no_steps, _map_into_recurrent, _over_one_axis, _no_channels, _reshape, _shrinks, _stateful, _free_size),
    _other_rank,
)


def _outside_layers(error: Exception) -> Finding:
    text = _first_line(error)
    mend = "correct this line"
    if "KerasTensor" in text and "TensorFlow function" in text:
        mend = "a layer instead, as layers.Reshape or layers.Permute, or the same function of keras.ops"
    elif "Unrecognized keyword" in text:
        mend = "take the option out: Keras 3 does not have it"
    return Finding("raises", _place(error), f"raises {type(error).__name__}: {text}", "no layer was called", mend)


def _place(error: Exception) -> str:
    ours = (Path(__file__).parent, Path(loading.__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame, Path(frame.filename)) for frame in frames]
    own = [frame for frame, path in places if "site-packages" not in path.parts and path.parent not in ours]
    frame = (own or frames)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def _shapes(call: Call) -> str:
    return " and ".join(f"[{', '.join(map(_size, each.shape[1:]))}]" for each in call.inputs) or "no tensor"


def _size(size: Any) -> str:
    return "?" if size is None else str(size)


def _first_line(error: Exception) -> str:
    lines = [each for each in str(error).splitlines() if each.strip() and not each.startswith("Exception encountered")]
    return (lines[0] if lines else type(error).__name__).replace("\x1b[1m", "").replace("\x1b[0m", "")
