"""Tests of `device.contract.manifest`."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.contract.manifest import (
    Accuracy,
    CalibrationRecord,
    Fidelity,
    InputContract,
    Manifest,
    ManifestError,
    ModelFile,
    OutputContract,
    Rejection,
    TensorContract,
    read_manifest,
)
from device.quantisation import Quantisation
from tests.conftest import MODELS

OUTPUT = OutputContract("logits", (1, 2), Quantisation(0.125, -72), "classes", False, ("no", "yes"), "", 1.5, 0.25, "")
MANIFEST = dataclasses.replace(
    read_manifest(MODELS / "rows2d"),
    format_version=3,
    name="rowstream-example",
    version="0.1.0",
    time_axis="columns",
    steps=7,
    lines_per_step=4,
    input=InputContract(
        "crop", (1, 28, 28, 1), Quantisation(0.003921568859368563, -128), "image", (0.0, 1.0), "digits"
    ),
    outputs=(OUTPUT,),
    states=(TensorContract("h", (1, 128), Quantisation(scale=0.0078125, zero_point=0)),),
    continuous=False,
    not_streamable="",
    file=ModelFile(
        name="model.int8.tflite", bytes=5, sha256="9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"
    ),
    golden_sha256="3" * 64,
    weights_sha256="0" * 64,
    operators={"CONV_2D": 1, "PAD": 2},
    accuracy=Accuracy(10_000, "MNIST test images", 0.9963, 0.9962, 0.01, 0.9996),
    fidelity=(Fidelity("logits", 31.5, None, None),),
    rejection=Rejection(digits_kept=0.9912, negatives=10_000, negatives_accepted=0.0123),
    calibration=CalibrationRecord(
        source="MNIST training images", images=512, seed=1, indices_sha256="1" * 64, digests_sha256="2" * 64
    ),
    configuration={"variant": "example", "epochs": 15, "layers": ["conv", {"units": 128}], "resumed": None},
    packages={"numpy": "1.26.4"},
)


REMEDY = "Use the device code that came with the model, or convert the model again"


def written(manifest: Manifest, folder: Path) -> dict[str, Any]:
    manifest.write(folder)
    content = json.loads((folder / "manifest.json").read_text())
    assert isinstance(content, dict)
    return content


def refusal(folder: Path, content: str) -> str:
    path = folder / "manifest.json"
    path.write_text(content)
    with pytest.raises(ManifestError, match=re.escape(str(path))) as error:
        read_manifest(folder)
    return str(error.value).removeprefix(f"{path}: ")


def replaced(content: dict[str, Any], keys: tuple[str | int, ...], value: object) -> str:
    inner: Any = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return json.dumps(content)


def test_round_trip(tmp_path: Path) -> None:
    """A manifest comes back equal to the one that was written."""
    MANIFEST.write(tmp_path)
    assert read_manifest(tmp_path) == MANIFEST


def test_round_trip_of_a_file_that_does_not_stream(tmp_path: Path) -> None:
    """A file that does not stream has neither states nor an early exit, and says why."""
    manifest = dataclasses.replace(
        MANIFEST, early_exit=None, rejection=None, states=(), not_streamable="lstm: reads time backwards"
    )
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest


def test_a_manifest_that_was_read_can_be_written(variant: str, tmp_path: Path) -> None:
    """A released manifest, read and written elsewhere, is the same."""
    manifest = read_manifest(MODELS / variant)
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest


@pytest.mark.parametrize(("version", "golden"), [(1, ""), (2, "3" * 64)])
def test_formats_1_and_2_are_read_as_digits(tmp_path: Path, version: int, golden: str) -> None:
    """A manifest of format 1 or 2, which knew digits alone, says in format 3 what it meant; 1 had no golden crops."""
    content = written(MANIFEST, tmp_path)
    (output,) = content.pop("outputs")
    answer = {name: output.pop(name) for name in ("labels", "temperature", "threshold")}
    for name in ("kind", "per_step", "units", "decoding", "type"):
        del output[name]
    for name in ("kind", "pixels", "normalisation", "type"):
        del content["input"][name]
    for state in content["states"]:
        del state["type"]
    del content["continuous"], content["fidelity"], content["precision"]
    content |= {**answer, "output": output, "format_version": version}
    if version == 1:
        del content["golden_sha256"]
        content["runtimes"] = [{"name": "tflite-runtime", "version": "2.14.0"}]
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    assert read_manifest(tmp_path) == dataclasses.replace(MANIFEST, fidelity=(), golden_sha256=golden)
    del content["output"]
    expected = f"Expected the fields of format {version}. KeyError('output')"
    assert refusal(tmp_path, json.dumps(content)) == expected


def test_round_trip_of_a_sequence(tmp_path: Path) -> None:
    """A sequence has no pixels, and outputs of every kind come back."""
    sequence = InputContract("crop", (1, 20, 8), Quantisation(0.5, 3), "sequence", None, "")
    outputs = (
        dataclasses.replace(OUTPUT, shape=(1, 20, 2), per_step=True, decoding="ctc"),
        dataclasses.replace(OUTPUT, shape=(1, 1), kind="binary", labels=("falls",)),
        dataclasses.replace(OUTPUT, kind="values", units="m/s"),
    )
    manifest = dataclasses.replace(
        MANIFEST, input=sequence, outputs=outputs, time_axis="rows", steps=20, lines_per_step=1, continuous=True
    )
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert (manifest.lines, manifest.line_shape) == (20, (8,))


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("input", "shape"), [1, 28], "manifest.input: Expected an input of shape [1, lines, ...]. Received: [1, 28]"),
        (
            ("input", "pixels"),
            None,
            "manifest.input: Expected two pixels for an image, none for a sequence. Received: ",
        ),
        (("input", "kind"), "sequence", "manifest.input: Expected two pixels for an image, none for a sequence. "),
        (("outputs",), [], "manifest: Expected an output. Received: none"),
        (("outputs", 0, "kind"), "binary", "manifest.outputs[0]: Expected one logit of a binary output. Received: 2"),
        (
            ("outputs", 0, "decoding"),
            "ctc",
            "manifest.outputs[0]: Expected classes for each step to decode. Received: ",
        ),
    ],
)
def test_refuses_what_does_not_go_together(
    tmp_path: Path, keys: tuple[str | int, ...], value: object, message: str
) -> None:
    """Inputs and outputs that contradict themselves are refused."""
    assert refusal(tmp_path, replaced(written(MANIFEST, tmp_path), keys, value)).startswith(message)


@given(
    label=st.text(),
    temperature=st.floats(0.01, 100),
    threshold=st.floats(0, 1, exclude_max=True),
    zero_point=st.integers(-128, 127),
)
def test_round_trip_of_values(
    tmp_path_factory: pytest.TempPathFactory, label: str, temperature: float, threshold: float, zero_point: int
) -> None:
    """Any text and any number in range come back exactly."""
    folder = tmp_path_factory.getbasetemp()
    manifest = dataclasses.replace(
        MANIFEST,
        outputs=(
            dataclasses.replace(
                OUTPUT,
                labels=("no", label),
                temperature=temperature,
                threshold=threshold,
                quantisation=Quantisation(temperature, zero_point),
            ),
        ),
    )
    manifest.write(folder)
    assert read_manifest(folder) == manifest


def test_a_whole_number_may_stand_for_a_float(tmp_path: Path) -> None:
    """JSON writers that shorten 2.0 to 2 are understood."""
    content = replaced(written(MANIFEST, tmp_path), ("outputs", 0, "temperature"), 2)
    (tmp_path / "manifest.json").write_text(content)
    temperature = read_manifest(tmp_path).output.temperature
    assert temperature == 2.0
    assert isinstance(temperature, float)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("format_version",), 4, f"Expected manifest format 1 to 3. Received: 4. {REMEDY}"),
        (("format_version",), "2", f"Expected manifest format 1 to 3. Received: 2. {REMEDY}"),
        (("format_version",), True, f"Expected manifest format 1 to 3. Received: True. {REMEDY}"),
        (("format_version",), 3.0, "manifest.format_version: Expected int. Received: 3.0"),
        (("steps",), True, "manifest.steps: Expected int. Received: True"),
        (("steps",), 7.0, "manifest.steps: Expected int. Received: 7.0"),
        (("steps",), "7", "manifest.steps: Expected int. Received: '7'"),
        (("outputs", 0, "temperature"), True, "manifest.outputs[0].temperature: Expected float. Received: True"),
        (("outputs", 0, "threshold"), None, "manifest.outputs[0].threshold: Expected float. Received: None"),
        (("name",), 7, "manifest.name: Expected str. Received: 7"),
        (("outputs", 0, "labels"), "01", "manifest.outputs[0].labels: Expected list. Received: '01'"),
        (("outputs", 0, "labels", 1), 1, "manifest.outputs[0].labels[1]: Expected str. Received: 1"),
        (("time_axis",), "diagonal", "manifest.time_axis: Expected one of ('rows', 'columns'). Received: 'diagonal'"),
        (("input", "shape", 3), "1", "manifest.input.shape[3]: Expected int. Received: '1'"),
        (
            ("states", 0, "quantisation", "scale"),
            "1",
            "manifest.states[0].quantisation.scale: Expected float. Received: '1'",
        ),
        (("states", 0, "type"), "int4", "manifest.states[0].type: Expected one of ('int8', 'int16'). Received: 'int4'"),
        (("outputs", 0, "type"), "int16", "manifest.outputs[0]: Expected logits in int8. Received: int16"),
        (("operators", "PAD"), "2", "manifest.operators.PAD: Expected int. Received: '2'"),
        (("not_streamable",), None, "manifest.not_streamable: Expected str. Received: None"),
        (("packages", "numpy"), 2, "manifest.packages.numpy: Expected str. Received: 2"),
        (("outputs", 0, "labels"), {}, "manifest.outputs[0].labels: Expected list. Received: {}"),
        (("accuracy",), 0.99, "manifest.accuracy: Expected dict. Received: 0.99"),
        (("rejection", "negatives"), 0.5, "manifest.rejection.negatives: Expected int. Received: 0.5"),
        (("rejection", "digits_kept"), "all", "manifest.rejection.digits_kept: Expected float. Received: 'all'"),
        (("configuration",), [], "manifest.configuration: Expected dict. Received: []"),
    ],
)
def test_refuses_values_of_another_type(
    tmp_path: Path, keys: tuple[str | int, ...], value: object, message: str
) -> None:
    """A value of another type is refused with its place, True among them where a number is expected."""
    assert refusal(tmp_path, replaced(written(MANIFEST, tmp_path), keys, value)) == message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("colour",), "manifest: Expected the fields of Manifest. Missing: []. Unknown: ['colour']"),
        (
            ("input", "quantisation", "axis"),
            "manifest.input.quantisation: Expected the fields of Quantisation. Missing: []. Unknown: ['axis']",
        ),
        (
            ("states", 0, "dtype"),
            "manifest.states[0]: Expected the fields of TensorContract. Missing: []. Unknown: ['dtype']",
        ),
        (
            ("accuracy", "loss"),
            "manifest.accuracy: Expected the fields of Accuracy. Missing: []. Unknown: ['loss']",
        ),
    ],
)
def test_refuses_unknown_fields(tmp_path: Path, keys: tuple[str | int, ...], message: str) -> None:
    """A field that this format does not have is refused by its name, at any depth."""
    assert refusal(tmp_path, replaced(written(MANIFEST, tmp_path), keys, None)) == message


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Manifest)][1:])
def test_refuses_a_missing_field(tmp_path: Path, field: str) -> None:
    """A missing field is refused: no field has a default."""
    content = written(MANIFEST, tmp_path)
    del content[field]
    message = f"manifest: Expected the fields of Manifest. Missing: ['{field}']. Unknown: []"
    assert refusal(tmp_path, json.dumps(content)) == message


def test_refuses_a_nested_missing_field(tmp_path: Path) -> None:
    """A field missing inside another is refused with its place."""
    content = written(MANIFEST, tmp_path)
    del content["file"]["sha256"]
    message = "manifest.file: Expected the fields of ModelFile. Missing: ['sha256']. Unknown: []"
    assert refusal(tmp_path, json.dumps(content)) == message


@pytest.mark.parametrize("content", ["{}", "[]", "null", "7", '"manifest"'])
def test_refuses_json_without_a_format(tmp_path: Path, content: str) -> None:
    """JSON without a format version is refused."""
    assert refusal(tmp_path, content) == f"Expected manifest format 1 to 3. Received: None. {REMEDY}"


@pytest.mark.parametrize(
    "content",
    ["", "TFL3", '{"format_version": 2,', 100_000 * "[", f'{{"format_version": {5_000 * "1"}}}'],
    ids=["empty", "text", "cut", "too deep", "too many digits"],
)
def test_refuses_what_is_not_json(tmp_path: Path, content: str) -> None:
    """Text that cannot be read as JSON is refused as such."""
    assert refusal(tmp_path, content).startswith("Expected JSON. ")


def test_refuses_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A manifest that is not UTF-8 is refused by its name."""
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(ManifestError, match=r"manifest\.json: Expected JSON\. "):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (
            ("outputs", 0, "labels"),
            ["no"],
            "manifest.outputs[0]: Expected a label for each of (1, 2) logits. Received: ('no',)",
        ),
        (
            ("outputs", 0, "temperature"),
            0,
            "manifest.outputs[0]: Expected a temperature in 0.001..1000 and 0 <= threshold < 1. Received: 0.0 and 0.25",
        ),
        (
            ("outputs", 0, "threshold"),
            1,
            "manifest.outputs[0]: Expected a temperature in 0.001..1000 and 0 <= threshold < 1. Received: 1.5 and 1.0",
        ),
        (
            ("outputs", 0, "threshold"),
            -0.5,
            "manifest.outputs[0]: Expected a temperature in 0.001..1000 and 0 <= threshold < 1. Received: 1.5 and -0.5",
        ),
        (
            ("input", "quantisation", "scale"),
            0,
            "manifest.input.quantisation: Expected a finite scale > 0. Received: scale=0.0",
        ),
        (
            ("outputs", 0, "quantisation", "zero_point"),
            128,
            "manifest.outputs[0].quantisation: Expected a zero point in -128..127. Received: zero_point=128",
        ),
    ],
)
def test_refuses_values_out_of_range(tmp_path: Path, keys: tuple[str | int, ...], value: object, message: str) -> None:
    """A value of the right type that cannot be is refused with the range."""
    assert refusal(tmp_path, replaced(written(MANIFEST, tmp_path), keys, value)) == message


@pytest.mark.parametrize("number", [10**400, float("nan")], ids=["beyond a float", "no number"])
@pytest.mark.parametrize(
    "keys", [("outputs", 0, "temperature"), ("outputs", 0, "threshold"), ("outputs", 0, "quantisation", "scale")]
)
def test_refuses_nan_and_numbers_beyond_a_float(tmp_path: Path, keys: tuple[str, ...], number: float) -> None:
    """A number that a float cannot hold, or NaN, is refused."""
    refusal(tmp_path, replaced(written(MANIFEST, tmp_path), keys, number))


@pytest.mark.parametrize("temperature", [0.001, 1000.0])
def test_the_bounds_of_temperature_and_threshold_are_in_range(tmp_path: Path, temperature: float) -> None:
    """0.001, 1,000 and a threshold of 0 are accepted; what lies beyond is refused."""
    output = dataclasses.replace(OUTPUT, temperature=temperature, threshold=0.0)
    dataclasses.replace(MANIFEST, outputs=(output,)).write(tmp_path)
    assert read_manifest(tmp_path).output.temperature == temperature
    beyond = temperature * (2 if temperature > 1 else 0.5)
    assert "temperature in 0.001..1000" in refusal(
        tmp_path, replaced(written(MANIFEST, tmp_path), ("outputs", 0, "temperature"), beyond)
    )


@pytest.mark.parametrize(("steps", "lines_per_step"), [(0, 4), (-7, -4), (7, 5), (28, 2)])
def test_refuses_steps_that_do_not_make_a_crop(tmp_path: Path, steps: int, lines_per_step: int) -> None:
    """The steps' lines are the crop's 28."""
    content = written(MANIFEST, tmp_path)
    content["lines_per_step"] = lines_per_step
    message = f"manifest: Expected steps * lines_per_step = 28. Received: {steps} * {lines_per_step}"
    assert refusal(tmp_path, replaced(content, ("steps",), steps)) == message


@pytest.mark.parametrize(
    "name", ["", "..", "a/b.tflite", "../b.tflite", "/b.tflite", "a\0.tflite", ".tflite", "manifest.json"]
)
def test_refuses_a_file_elsewhere(name: str) -> None:
    """The file lies beside its manifest and is not the manifest, so its name holds no folder and ends in .tflite."""
    with pytest.raises(ManifestError, match=r"^Expected the name of a \.tflite file, such as model\.int8\.tflite\. "):
        ModelFile(name, 5, "0" * 64)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "/a", "Rows", "-a", "a b", "a\n", "a\0", "ä", "a" * 65]
)
def test_refuses_a_name_that_is_no_file_name(name: str) -> None:
    """Folders are named after a model, so its name leads nowhere else and has a bounded length."""
    with pytest.raises(ManifestError, match=r"^Expected a name of up to 64 of a-z, 0-9, .* Received: "):
        dataclasses.replace(MANIFEST, name=name)


@pytest.mark.parametrize(
    "version", ["", "1", "1.2", "..", "1.2.3/../..", "1.2.3 ", "1.2.3\n", "1.2.3/a", "v1.2.3", "1.2.-3"]
)
def test_refuses_a_version_that_is_no_file_name(version: str) -> None:
    """Folders are named after a version, so it is three numbers with at most a suffix that leads nowhere else."""
    with pytest.raises(ManifestError, match=r"^Expected a version such as 1\.2\.3 or 1\.2\.3rc1\. Received: "):
        dataclasses.replace(MANIFEST, version=version)


@pytest.mark.parametrize("version", ["0.1.0", "1.2.3rc1", "1.2.3.dev4", "1.2.3+local.5", "1.2.3-alpha.1"])
def test_takes_versions_with_a_suffix(version: str) -> None:
    """Versions of PEP 440 and of Semantic Versioning are taken as they are."""
    assert dataclasses.replace(MANIFEST, version=version).version == version


def test_missing_manifest(tmp_path: Path) -> None:
    """A folder without a manifest is an OSError that names the file."""
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_verified_content(tmp_path: Path) -> None:
    """The bytes of the file beside come back where their hash is the manifest's."""
    (tmp_path / "model.int8.tflite").write_bytes(b"model")
    assert MANIFEST.verified_content(tmp_path) == b"model"


@pytest.mark.parametrize("content", [b"modem", b"mode", b"model\0", b""])
def test_refuses_other_content(tmp_path: Path, content: bytes) -> None:
    """A file with a byte changed, cut or added is refused with both hashes."""
    (tmp_path / "model.int8.tflite").write_bytes(content)
    expected = re.escape(
        "model.int8.tflite: Expected SHA-256 9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"
    )
    with pytest.raises(ManifestError, match=rf"{expected} \(manifest\)\. Received: [0-9a-f]{{64}}$"):
        MANIFEST.verified_content(tmp_path)


def test_missing_model_file(tmp_path: Path) -> None:
    """A manifest without its file is an OSError that names the file."""
    with pytest.raises(FileNotFoundError, match=r"model\.int8\.tflite"):
        MANIFEST.verified_content(tmp_path)


def test_refuses_half_a_character(tmp_path: Path) -> None:
    """A text that could be neither printed nor written is refused, wherever it is."""
    content = written(MANIFEST, tmp_path)
    content["configuration"] = {"\ud800": "half"}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ManifestError, match=r"manifest\.json: Expected JSON\. 'utf-8' codec can't encode"):
        read_manifest(tmp_path)
