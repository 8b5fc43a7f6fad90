"""Quantises a float flatbuffer to static int8: weights per channel, activations per tensor, ranges as given.

Source: TensorFlow Lite 8-bit quantization specification, https://ai.google.dev/edge/litert/models/quantization_spec.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ai_edge_quantizer import quantizer, recipe

from converters.quantisation.ranges import Range
from converters.tflite.flatbuffer import dump, load


def quantise(float_tflite: bytes, ranges: Mapping[str, Range]) -> bytes:
    """Returns the int8 flatbuffer; `ranges` holds every activation's range by tensor name.

    Raises ValueError if an activation has no range, or an operator cannot be quantised.
    """
    static_int8 = quantizer.Quantizer(float_tflite)
    static_int8.load_quantization_recipe(recipe.static_wi8_ai8())
    statistics = {
        name: {"min": np.array([bounds.low], np.float32), "max": np.array([bounds.high], np.float32)}
        for name, bounds in ranges.items()
    }
    result = static_int8.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    # The quantiser keeps the constants of large files behind the flatbuffer, where not every runtime looks.
    return dump(load(bytes(result.quantized_model)))
