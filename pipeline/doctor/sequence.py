"""What is wrong with the sequences that recurrent layers take and give, in a network that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras import layers

from pipeline.doctor.finding import Edit, Finding
from pipeline.doctor.kinds import ELEMENTWISE, recurrent
from pipeline.doctor.mends import in_place_of, line, rows_as_steps, with_options
from pipeline.doctor.places import Places, order
from pipeline.doctor.program import rendered
from pipeline.doctor.recording import Call, Shape, consumers, upstream


def of_sequences(calls: Sequence[Call], places: Mapping[int, Places | None]) -> Iterator[Finding]:
    """Yield what is wrong with the recurrent layers of a network that runs."""
    for call in calls:
        inner = recurrent(call.layer)
        if inner is None or len(call.input_shape) != 2:
            continue
        if inner.stateful:
            yield stateful(call)
        yield from _steps(call, calls, places.get(id(call.inputs[0])))
        if inner.return_sequences:
            yield from _left_on(call, calls)


def stateful(call: Call) -> Finding:
    """Return the finding of a layer that keeps its state from one batch to the next."""
    mended = with_options(call.layer, stateful=False)
    return Finding(
        "stateful",
        call.name,
        "stateful=True: the state of one batch is the start of the next",
        "each picture then depends on the one before it, and the batch size is fixed",
        line(mended),
        in_place_of(call.name, mended),
    )


def _steps(call: Call, calls: Sequence[Call], places: Places | None) -> Iterator[Finding]:
    steps, features = call.input_shape
    if steps == 1:
        moving, mend, edits = _cut_again(call, calls)
        yield Finding(
            "one step",
            moving,
            f"makes one time step of {features:,} features for {call.name}",
            "a recurrent layer over one step sees no sequence: it is a dense layer with gates",
            mend,
            edits,
        )
    elif places is not None and order(places)[0] != "ordered":
        moving, mend, edits = _cut_again(call, calls)
        channels = order(places)[0] == "channels"
        yield Finding(
            "channels as time" if channels else "order",
            moving,
            f"turns channels into the {steps} time steps of {call.name}"
            if channels
            else f"gives {call.name} {steps} time steps that mix rows and columns",
            "channels have no order in time" if channels else "a step must hold one row or one column, in order",
            mend,
            edits,
        )


def _cut_again(call: Call, calls: Sequence[Call]) -> tuple[str, str, tuple[Edit, ...]]:
    """Return the layer that makes the wrong steps, the code and the edits that make the right ones."""
    moving = [each for each in _moving(call, calls) if not isinstance(each.layer, ELEMENTWISE)]
    if not moving:
        return call.name, "give the network an input of several steps, keras.Input((steps, features))", ()
    source = moving[-1].input_shape
    mended = _lines_as_steps(source, call.input_shape)
    if not mended:
        mend = "layers.Reshape((steps, features)) that keeps the order in time, of a map of more than one row or column"
        return moving[0].name, mend, ()
    edits = (Edit(moving[0].name, mended, remove=True), *(Edit(each.name, remove=True) for each in moving[1:]))
    return moving[0].name, line(*mended), edits


def _moving(call: Call, calls: Sequence[Call]) -> Iterator[Call]:
    for each in upstream(call, calls):
        if isinstance(each.layer, (layers.InputLayer, layers.Dense)) or (
            getattr(each.layer, "weights", None) and not isinstance(each.layer, ELEMENTWISE)
        ):
            return
        if "Pooling" in each.kind:
            return
        yield each


def _lines_as_steps(source: Shape, received: Shape) -> tuple[Any, ...]:
    if len(source) == 2:
        return (layers.Reshape(source),)
    if len(source) != 3:
        return ()
    rows, columns, channels = source
    if rows == 1:
        return (layers.Reshape((columns, channels)),) if columns > 1 else ()
    if received[0] == columns != rows:
        return layers.Permute((2, 1, 3)), layers.Reshape((columns, rows * channels))
    return (rows_as_steps(source),)


def _left_on(call: Call, calls: Sequence[Call]) -> Iterator[Finding]:
    for flatten in dict.fromkeys(_next(call, calls)):
        if isinstance(flatten.layer, layers.Flatten):
            mended = with_options(call.layer, return_sequences=False)
            yield Finding(
                "return_sequences left on",
                call.name,
                f"gives all {call.output_shape[0]} steps to {flatten.name}, which lays them side by side",
                "the head then has weights for each step, and needs them all at once; the last state has read them all",
                f"{rendered(mended)} and no Flatten after it",
                (*in_place_of(call.name, mended), Edit(flatten.name, remove=True)),
            )


def _next(call: Call, calls: Sequence[Call]) -> Iterator[Call]:
    for each in consumers(call, calls):
        if isinstance(each.layer, ELEMENTWISE):
            yield from _next(each, calls)
        else:
            yield each
