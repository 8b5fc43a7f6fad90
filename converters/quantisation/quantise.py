"""Quantises a float flatbuffer: int8 weights per channel, int8 or int16 activations per tensor, ranges as given.

Source: TensorFlow Lite 8-bit quantization specification, https://ai.google.dev/edge/litert/models/quantization_spec.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import numpy as np
from ai_edge_quantizer import qtyping, quantizer, recipe_manager

from converters.quantisation.ranges import Range
from converters.tflite.flatbuffer import dump, load


def quantise(
    float_tflite: bytes, ranges: Mapping[str, Range], wide: Collection[str] = (), *, small: bool = False
) -> bytes:
    """Returns the quantised flatbuffer; `ranges` holds every activation's range by tensor name.

    Operators compute in int8, those whose first output is in `wide` in int16; between them the quantiser puts QUANTIZE.
    If the file is to be `small`, the weights of a matrix product have one scale, not one for each channel.

    Raises ValueError if an activation has no range, or an operator cannot be quantised.
    """
    static = quantizer.Quantizer(float_tflite)
    static.load_quantization_recipe(_recipe(wide, small=small))
    statistics = {
        name: {"min": np.array([bounds.low], np.float32), "max": np.array([bounds.high], np.float32)}
        for name, bounds in ranges.items()
    }
    result = static.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    # The quantiser keeps the constants of large files behind the flatbuffer, where not every runtime looks.
    return dump(load(bytes(result.quantized_model)))


def _recipe(wide: Collection[str], *, small: bool) -> qtyping.ModelQuantizationRecipe:
    manager, names = recipe_manager.RecipeManager(), qtyping.TFLOperationName
    manager.add_static_config(".*", names.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8)
    if small:
        one_scale = qtyping.QuantGranularity.TENSORWISE
        manager.add_static_config(".*", names.FULLY_CONNECTED, 8, 8, weight_granularity=one_scale)
    if wide:
        # An operator goes by the names of its outputs, each with a semicolon behind it.
        chosen = f"^(?:{'|'.join(map(re.escape, sorted(wide)))});"
        manager.add_static_config(chosen, names.ALL_SUPPORTED, activation_num_bits=16, weight_num_bits=8)
        for edge in (names.INPUT, names.OUTPUT):
            manager.add_static_config("^", edge, activation_num_bits=8, weight_num_bits=8)
    return manager.get_quantization_recipe()
