"""What inputs must be like to set int8's ranges."""

from __future__ import annotations

import numpy as np

from pipeline.data.own.own_data import Inputs, not_finite

MIN_INPUTS = 100


def checked_calibration(inputs: Inputs, *, allow_few: bool = False) -> Inputs:
    """Return calibration inputs `<uint8 or float32>[n, ...]` that can set ranges.

    Raises ValueError if there are fewer than 100 without `allow_few`, if they have NaN or infinity, or are all equal.
    """
    if not len(inputs) or (len(inputs) < MIN_INPUTS and not allow_few):
        mend = "Add training inputs, or allow few, --allow-few: int8 then clips what they do not show"
        raise ValueError(f"Expected at least {MIN_INPUTS} calibration inputs. Received: {len(inputs)}. {mend}")
    bad = np.flatnonzero(not_finite(inputs))
    if bad.size:
        mend = "Leave these inputs out or repair them"
        raise ValueError(f"Expected finite calibration inputs. Received: NaN or infinity in {bad.size:,}. {mend}")
    if inputs.min() == inputs.max():
        mend = "Give real inputs: ranges are measured on them"
        raise ValueError(f"Expected calibration inputs that differ. Received: {inputs.flat[0]:g} everywhere. {mend}")
    return inputs
