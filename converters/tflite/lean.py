"""Leaves out of a flatbuffer what no runtime reads: names of tensors and graphs, metadata, equal tables twice.

In a file of 16 KiB for a microcontroller that is a tenth. Signatures keep their names.

Source: https://flatbuffers.dev/internals (tables may share what they refer to).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import drop_unread_buffers
from converters.tflite.flatbuffer import dump, load


def lean(content: bytes) -> bytes:
    """Returns the flatbuffer without what no runtime reads; it computes the same."""
    model = load(content)
    model.description = model.metadata = None
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            # All shapes are static; the schema's own value takes no byte.
            tensor.name, tensor.hasRank = None, False
    drop_unread_buffers(model)
    _share_tables(model)
    return dump(model)


class _Shared:
    """A table of the schema that is written once, wherever it is referred to."""

    def __init__(self, table: Any) -> None:
        self._table, self._written = table, None

    def Pack(self, builder: Any) -> Any:  # noqa: N802  # as the schema's tables have it
        if self._written is None:
            self._written = self._table.Pack(builder)
        return self._written


def _share_tables(model: schema.ModelT) -> None:
    shared: dict[Hashable, _Shared] = {}
    for graph in model.subgraphs:
        for holders, field in ((graph.tensors, "quantization"), (graph.operators, "builtinOptions")):
            for holder in holders:
                table = getattr(holder, field)
                if table is not None:
                    setattr(holder, field, shared.setdefault(_key(table), _Shared(table)))


def _key(table: Any) -> Hashable:
    """Returns what equal tables have in common."""
    fields = {name: each.tobytes() if isinstance(each, np.ndarray) else each for name, each in vars(table).items()}
    return type(table), tuple(fields.items())
