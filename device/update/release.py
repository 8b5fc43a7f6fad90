"""What a signed release says of itself, in the `custom` field of each of its TUF targets.

Source: https://theupdateframework.github.io/specification/latest/#file-formats-targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..contract.answers import Answers
from ..contract.manifest import GOLDEN_NAME, MANIFEST_NAME
from ..contract.names import is_file_name
from ..files.sha256 import sha256_hex
from ..files.typed_json import parsed

LICENSE_NAME = "LICENSE"
SPDX_NAME = "sbom.spdx.json"
# The files of a release beside the model, whose name is in the manifest. A device takes no others.
NAMES = (MANIFEST_NAME, GOLDEN_NAME, LICENSE_NAME, SPDX_NAME)
# In the root's signed part: this set of keys was made for development.
DEVELOPMENT = "x-rowstream-development"

# The share of a release that every device takes.
ALL_PERMILLE = 1_000


@dataclass(frozen=True)
class ReleaseRecord:
    """A release and the devices it is for.

    `processors` are names as `device.update.hardware.processor` gives them, and empty if it is for any; `runtimes` are
    keys of `device.interpreter.RUNTIMES`. `model` is the name of the `.tflite` file. `permille` is the share of
    devices that take it so far, in tenths of a percent, because what TUF signs has no fractions. `answers` are those of
    the runtimes and processors on which the maker ran the model.
    """

    name: str
    version: str
    manifest_format: int
    model: str
    processors: tuple[str, ...]
    runtimes: tuple[str, ...]
    permille: int
    answers: tuple[Answers, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.permille <= ALL_PERMILLE:
            raise ValueError(f"Expected a share in 0..{ALL_PERMILLE} permille. Received: {self.permille}")
        # The name becomes a path on the device.
        if not is_file_name(self.model):
            raise ValueError(f"Expected the name of a .tflite file. Received: {self.model!r}")


def read_record(custom: object) -> ReleaseRecord:
    """Returns the record in a target's `custom` field; raises FieldError, a ValueError, if there is none."""
    return parsed(ReleaseRecord, custom, "custom")


def release_of(sha256s: Mapping[str, str]) -> str:
    """Returns a release's own SHA-256, for those of its files by name: that of the sorted lines `<sha256>  <name>`."""
    return sha256_hex("".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sha256s.items())).encode())
