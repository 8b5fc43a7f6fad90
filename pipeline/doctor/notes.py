"""What a user should know of a healthy network: what looks ahead along time, what int8 computes by tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from keras import layers

from pipeline.doctor.finding import Finding
from pipeline.doctor.kinds import CONV_LSTM, OVER_AXES, recurrent
from pipeline.doctor.places import Places, order, time_axis
from pipeline.doctor.recording import Call

# With an int8 kernel of their own in TFLite.
_NATIVE = (
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "tanh",
    "sigmoid",
    "softmax",
    "hard_swish",
    "hard_silu",
    "a function",
)


def axis_of_time(calls: Sequence[Call], places: Mapping[int, Places | None]) -> int:
    """Return the axis of positions that the first recurrent layer takes as time; -1 if there is none."""
    for call in calls:
        given = places.get(id(call.inputs[0])) if call.inputs else None
        if recurrent(call.layer) is not None and given is not None and len(given.shape) == 2:
            return order(given)[1]
    return -1


def of_notes(calls: Sequence[Call], places: Mapping[int, Places | None]) -> Iterator[Finding]:
    """Yield what is no sickness: layers that look ahead, activations without an int8 kernel, no recurrent layer."""
    axis = axis_of_time(calls, places)
    for call in calls:
        if _looks_ahead(call, places, axis):
            yield Finding(
                "looks ahead",
                call.name,
                "needs lines that come later",
                "the network works, but cannot be computed while lines arrive",
                _causal(call, places, axis),
            )
        yield from _tables(call)
    if not any(recurrent(call.layer) is not None or isinstance(call.layer, CONV_LSTM) for call in calls):
        yield Finding(
            "no recurrence", calls[-1].name, "no layer is recurrent", "nothing is read as a sequence", "none needed"
        )


def _looks_ahead(call: Call, places: Mapping[int, Places | None], axis: int) -> bool:
    if isinstance(call.layer, layers.Bidirectional):
        return True
    inner = recurrent(call.layer)
    if inner is not None:
        return bool(inner.go_backwards)
    along = _axis_of_window(call, places, axis)
    return along >= 0 and call.layer.padding == "same" and call.layer.kernel_size[along] > 1


def _axis_of_window(call: Call, places: Mapping[int, Places | None], axis: int) -> int:
    """Return the axis of a convolution's window that lies along time; -1 if none does."""
    given = places.get(id(call.inputs[0])) if call.inputs else None
    if not isinstance(call.layer, OVER_AXES) or "Pooling" in call.kind or given is None or not 0 <= axis < given.axes:
        return -1
    along = time_axis(given, axis)
    return along if along < len(call.layer.kernel_size) else -1


def _causal(call: Call, places: Mapping[int, Places | None], axis: int) -> str:
    if recurrent(call.layer) is not None:
        return "to read while lines arrive: the recurrent layer alone, forwards"
    if not isinstance(call.layer, layers.Conv2D):
        return 'to read while lines arrive: padding="causal"'
    along = _axis_of_window(call, places, axis)
    margins = [((size - 1) // 2, size // 2) for size in call.layer.kernel_size]
    margins[along] = (call.layer.kernel_size[along] - 1, 0)
    return f'to read while lines arrive: layers.ZeroPadding2D({tuple(margins)}) before it, and its padding="valid"'


def _tables(call: Call) -> Iterator[Finding]:
    inner = recurrent(call.layer) or call.layer
    for option in ("activation", "recurrent_activation"):
        name = str(getattr(getattr(inner, option, None), "__name__", "linear"))
        if name not in _NATIVE:
            yield Finding("table", call.name, f"{option}={name}", "int8 has no kernel for it", "it becomes a table")
