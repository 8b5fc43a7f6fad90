"""The manifest beside a model file: its inputs and outputs, and what was measured. JSON, format version 3.

A reader refuses another format version than 1 to 3, a missing or unknown field, and a value of another type.
"""

from __future__ import annotations

import dataclasses
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..files.sha256 import sha256_hex
from ..files.typed_json import parsed
from ..files.whole_file import write_whole
from ..quantisation import Quantisation
from .manifest_upgrade import DIGITS_FORMATS, format_fault, upgraded
from .names import is_file_name, is_model_name, is_version

MANIFEST_NAME = "manifest.json"
Precision = Literal["int8", "int8+state16"]
GOLDEN_NAME = "golden.bin"


class ManifestError(ValueError):
    """A manifest cannot be read, or does not belong to the file beside it."""


@dataclass(frozen=True)
class ModelFile:
    """The `.tflite` file that the manifest describes."""

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        _require(is_file_name(self.name), self.name, "the name of a .tflite file, such as model.int8.tflite")


@dataclass(frozen=True)
class TensorContract:
    """An input, output or state of the model, static; only a state may be int16."""

    name: str
    shape: tuple[int, ...]
    quantisation: Quantisation
    type: Literal["int8", "int16"] = field(default="int8", kw_only=True)


@dataclass(frozen=True)
class InputContract(TensorContract):
    """What a caller hands in, and the tensor `shape [1, ...]` that takes it.

    An `image` is `<uint8>[height, width, channels]`, or `[height, width]` if it has one channel; `pixels` are the real
    values that the network sees for the grey levels 0 and 255. A `sequence` is `<float32>[steps, ...]`, quantised here.
    `normalisation` is `digits` if images are crops that keep the contract of `device.pixels`.
    """

    kind: Literal["image", "sequence"]
    pixels: tuple[float, ...] | None
    normalisation: Literal["", "digits"]

    def __post_init__(self) -> None:
        if len(self.shape) < 3 or self.shape[0] != 1 or min(self.shape) < 1:
            raise ManifestError(f"Expected an input of shape [1, lines, ...]. Received: {[*self.shape]}")
        _require_int8(self)
        if (self.pixels is None) == (self.kind == "image") or len(self.pixels or (0.0, 1.0)) != 2:
            raise ManifestError(f"Expected two pixels for an image, none for a sequence. Received: {self.pixels}")


@dataclass(frozen=True)
class OutputContract(TensorContract):
    """What comes out: logits `<int8>[1, classes]`, or `[1, steps, classes]` with an answer for each step.

    `classes` are turned into probabilities by a softmax, `binary` and `multilabel` by a sigmoid; `values` are real
    numbers in `units`. `labels` name them along the last axis. Logits are divided by `temperature` first; an answer
    less probable than `threshold` is none. `decoding` is `ctc` if the last class is the blank of a transcription.
    """

    kind: Literal["classes", "binary", "multilabel", "values"]
    per_step: bool
    labels: tuple[str, ...]
    units: str
    temperature: float
    threshold: float
    decoding: Literal["", "ctc"]

    def __post_init__(self) -> None:
        _require_int8(self)
        if len(self.labels) != self.shape[-1]:
            raise ManifestError(f"Expected a label for each of {self.shape} logits. Received: {self.labels}")
        if not 1e-3 <= self.temperature <= 1e3 or not 0 <= self.threshold < 1:
            received = f"{self.temperature} and {self.threshold}"
            raise ManifestError(f"Expected a temperature in 0.001..1000 and 0 <= threshold < 1. Received: {received}")
        if self.kind == "binary" and self.shape[-1] != 1:
            raise ManifestError(f"Expected one logit of a binary output. Received: {self.shape[-1]}")
        if self.decoding and not (self.per_step and self.kind == "classes"):
            raise ManifestError("Expected classes for each step to decode. Received: another output")


@dataclass(frozen=True)
class Runtime:
    """A TFLite interpreter."""

    name: str
    version: str


@dataclass(frozen=True)
class Accuracy:
    """int8 against float on the same images. Fractions of 1; the drop in percentage points."""

    images: int
    source: str
    float_accuracy: float
    int8_accuracy: float
    accuracy_drop_pp: float
    agreement: float


@dataclass(frozen=True)
class Fidelity:
    """How near an int8 output is to the float network's, on the same inputs, and both to the targets."""

    output: str
    signal_to_noise_db: float  # of the dequantised logits or values
    float_mean_error: float | None  # the mean absolute error of values, in their units; None for other outputs
    int8_mean_error: float | None


@dataclass(frozen=True)
class EarlyExit:
    """When reading a crop may stop before its last line, and what that does on the test images."""

    probability: float  # an answer of at least this probability is settled; chosen on validation images
    accuracy_after_step: tuple[float, ...]  # int8 accuracy after each time step, fractions of 1
    mean_lines_read: float  # lines read of an image, on average, if reading stops at a settled answer
    accuracy_drop_pp: float  # the accuracy lost by stopping there, in percentage points


@dataclass(frozen=True)
class Rejection:
    """What the manifest's threshold, chosen on validation crops, does to test crops."""

    digits_kept: float  # the fraction of digits that get a label
    negatives: int  # how many test crops show no digit
    negatives_accepted: float  # the fraction of those that still get a label


@dataclass(frozen=True)
class CalibrationRecord:
    """The images that set the activations' ranges."""

    source: str  # what they were drawn from, and how many of the last of them show no digit
    images: int  # how many there are, with those
    seed: int  # of the draw
    indices_sha256: str  # of the drawn images' indices in the source, as little-endian 64-bit integers
    digests_sha256: str  # of `calibration.sha256`, the file beside the manifest with the hash of each image


@dataclass(frozen=True)
class Manifest:
    """Describes a model file.

    `states` lists what `step` carries from one time step to the next. If the file does not stream it is empty,
    `not_streamable` says why, and `early_exit` is None. `rejection` is None if no crops are known that show none of the
    labels. `precision`, `configuration` and `packages` say how the file was made; the runner does not read them.
    """

    format_version: int
    name: str
    version: str
    input: InputContract
    outputs: tuple[OutputContract, ...]
    time_axis: Literal["rows", "columns"]
    steps: int
    lines_per_step: int
    continuous: bool  # states are kept from one answer to the next, and never reset
    states: tuple[TensorContract, ...]
    not_streamable: str
    precision: Precision  # of recurrent cells
    file: ModelFile
    golden_sha256: str  # of `golden.bin`, the file beside the manifest with crops and their logits; empty for none
    weights_sha256: str
    operators: Mapping[str, int]
    accuracy: Accuracy | None
    fidelity: tuple[Fidelity, ...]
    early_exit: EarlyExit | None
    rejection: Rejection | None
    calibration: CalibrationRecord
    configuration: Mapping[str, Any]
    packages: Mapping[str, str]

    def __post_init__(self) -> None:
        _refuse_other_format(self.format_version)
        _require(is_model_name(self.name), self.name, "a name of up to 64 of a-z, 0-9, '.', '_' and '-'")
        _require(is_version(self.version), self.version, "a version such as 1.2.3 or 1.2.3rc1")
        if not self.outputs:
            raise ManifestError("Expected an output. Received: none")
        if self.steps < 1 or self.steps * self.lines_per_step != self.lines:
            received = f"{self.steps} * {self.lines_per_step}"
            raise ManifestError(f"Expected steps * lines_per_step = {self.lines}. Received: {received}")

    @property
    def output(self) -> OutputContract:
        """The first output, which is the answer."""
        return self.outputs[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes or values of the answer."""
        return self.output.labels

    @property
    def lines(self) -> int:
        """How many lines an input has along the time axis."""
        return self.input.shape[1 if self.time_axis == "rows" else 2]

    @property
    def line_shape(self) -> tuple[int, ...]:
        """The shape of one line as the model takes it, `[...]`: an image's with its channels."""
        along = 1 if self.time_axis == "rows" else 2
        return self.input.shape[1:along] + self.input.shape[along + 1 :]

    def write(self, folder: Path) -> None:
        """Writes `manifest.json` into the model's folder."""
        write_whole(folder / MANIFEST_NAME, json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    def verified_content(self, folder: Path) -> bytes:
        """Returns the bytes of the model file in `folder`; raises ManifestError if their SHA-256 is another."""
        return _verified(folder / self.file.name, self.file.sha256)

    def verified_golden(self, folder: Path) -> bytes:
        """Returns the bytes of `golden.bin` in `folder`; raises ManifestError if their SHA-256 is another, or none."""
        if not self.golden_sha256:
            raise ManifestError(f"{folder}: Expected golden inputs. The model is from before they were kept")
        return _verified(folder / GOLDEN_NAME, self.golden_sha256)


def read_manifest(folder: Path) -> Manifest:
    """Returns the manifest in a model's folder; raises ManifestError, which names the field, for another format.

    Raises FileNotFoundError if there is none.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        raise FileNotFoundError(f"{path}: Expected the manifest of a model. Found none")
    try:
        written = json.loads(path.read_text("utf-8"))
        # JSON can escape half a character, which could be neither printed nor written.
        json.dumps(written, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, not UTF-8, or thousands of digits
        raise ManifestError(f"{path}: Expected JSON. {error}") from error
    try:
        # First, because another format has other fields.
        version = written.get("format_version") if isinstance(written, dict) else None
        _refuse_other_format(version)
        return parsed(Manifest, upgraded(written) if version in DIGITS_FORMATS else written, "manifest")
    except ValueError as error:
        raise ManifestError(f"{path}: {error}") from error


def _require_int8(tensor: TensorContract) -> None:
    if tensor.type != "int8":
        raise ManifestError(f"Expected {tensor.name} in int8. Received: {tensor.type}")


def _require(valid: bool, text: str, expected: str) -> None:
    if not valid:
        raise ManifestError(f"Expected {expected}. Received: {reprlib.repr(text)}")


def _verified(path: Path, sha256: str) -> bytes:
    content = path.read_bytes()
    received = sha256_hex(content)
    if received != sha256:
        raise ManifestError(f"{path}: Expected SHA-256 {sha256} (manifest). Received: {received}")
    return content


def _refuse_other_format(version: object) -> None:
    fault = format_fault(version)
    if fault:
        raise ManifestError(f"{fault}. Use the device code that came with the model, or convert the model again")
