"""The array types that several rooms share.

`Crop` is `<uint8>[28, 28]`, `Crops` `<uint8>[n, 28, 28]`, `Image` `<uint8>[h, w, 3]` (blue, green, red) or
`<uint8>[h, w]`. The other names give the element type.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]
Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Indices = npt.NDArray[np.intp]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

Crop = UInt8
Crops = UInt8
Image = UInt8
