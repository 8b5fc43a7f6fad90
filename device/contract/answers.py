"""A model's logits for its golden inputs on one runtime and kind of processor, bit for bit.

`golden.bin` has a range for each logit, since kernels round differently. Where the maker of a release ran the same
runtime on the same kind of processor as a device has, nothing may differ: a signed release says so in such records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .golden import OTHER_ANSWERS, GoldenError
from .manifest import Runtime


@dataclass(frozen=True)
class Answers:
    """What `device.contract.golden.Golden.check_all` returned, for the file with this SHA-256.

    `processor` is a name as `device.update.hardware.processor` gives it.
    """

    file_sha256: str
    runtime: Runtime
    processor: str
    logits_sha256: str

    @property
    def where(self) -> str:
        """The runtime, its version and the processor, as messages name them."""
        return f"{self.runtime.name} {self.runtime.version} on {self.processor}"

    def check(self, known: Iterable[Answers]) -> None:
        """Raises GoldenError if others are known for the same runtime, its version and the same processor."""
        for each in known:
            if (each.runtime, each.processor) == (self.runtime, self.processor) and each != self:
                raise GoldenError(f"{OTHER_ANSWERS}: within their ranges, but not those of {self.where}")
