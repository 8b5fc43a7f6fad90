"""Tests of the limits file: its tables, its values, and the errors for invalid ones."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pipeline.gate.limits import Limits, LimitsError, read_limits
from tests.conftest import MODELS

TWO_MODELS = """
[default]
runtimes = ["ai-edge-litert", "tflite-micro"]
images_min = 1_000
accuracy_drop_pp_max = 0.25

[models.small]
accuracy_drop_pp_max = 0.5
file_bytes_max = 150_000

[models.large]
runtimes = ["ai-edge-litert"]
"""


@pytest.fixture
def limits_file(tmp_path: Path) -> Path:
    """The path of a limits file, for a test to write."""
    return tmp_path / "limits.toml"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param(
            "unheard-of",
            Limits(runtimes=("ai-edge-litert", "tflite-micro"), images_min=1_000, accuracy_drop_pp_max=0.25),
            id="default alone",
        ),
        pytest.param(
            "small",
            Limits(
                runtimes=("ai-edge-litert", "tflite-micro"),
                images_min=1_000,
                accuracy_drop_pp_max=0.5,
                file_bytes_max=150_000,
            ),
            id="one replaced, one added",
        ),
        pytest.param(
            "large",
            Limits(runtimes=("ai-edge-litert",), images_min=1_000, accuracy_drop_pp_max=0.25),
            id="list replaced as a whole",
        ),
    ],
)
def test_a_models_table_goes_over_the_default(limits_file: Path, model: str, expected: Limits) -> None:
    """A model's table replaces entries of the default."""
    limits_file.write_text(TWO_MODELS)
    assert read_limits(limits_file, model) == expected


def test_reads_a_model_without_a_default(limits_file: Path) -> None:
    """Without a default, a model has the limits of its own table alone."""
    limits_file.write_text("[models.small]\nimages_min = 200\n")
    assert read_limits(limits_file, "small") == Limits(images_min=200)
    assert read_limits(limits_file, "large") == Limits()


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_a_limit_that_is_not_written_is_none(limits_file: Path, name: str) -> None:
    """An empty file sets no limit at all."""
    limits_file.write_text("")
    assert getattr(read_limits(limits_file, "small"), name) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[default]\nimages = 1_000\n", r"Received: \['images'\]", id="unknown key"),
        pytest.param("[default]\nimages_min = 1_000\nb = 1\na = 2\n", r"Received: \['a', 'b'\]", id="unknown keys"),
        pytest.param("[models.small]\nsize = 1\n", r"Received: \['size'\]", id="unknown key of the model"),
        pytest.param("[defaults]\nimages_min = 1_000\n", r"Received: \['defaults'\]", id="unknown table"),
        pytest.param("images_min = 1_000\n", r"Received: \['images_min'\]", id="key outside a table"),
        pytest.param("default = 1\n", "default: Expected a table. Received: 1", id="default is no table"),
        pytest.param("models = 1\n", "models: Expected a table. Received: 1", id="models is no table"),
        pytest.param("[models]\nsmall = 1\n", "models.small: Expected a table. Received: 1", id="model is no table"),
        pytest.param("[default\n", "Expected TOML", id="no TOML"),
        pytest.param("[default]\nimages_min = 1\nimages_min = 2\n", "Expected TOML", id="key twice"),
    ],
)
def test_refuses_an_invalid_limits_file(limits_file: Path, text: str, message: str) -> None:
    """Invalid TOML, and unknown tables and keys, are errors that name the file."""
    limits_file.write_text(text)
    with pytest.raises(LimitsError, match=message) as caught:
        read_limits(limits_file, "small")
    assert str(caught.value).startswith(f"{limits_file}: ")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param("images_min = true", "images_min: Expected a finite number. Received: True", id="true"),
        pytest.param("time_ratio_max = false", "time_ratio_max: Expected a finite number. Received: False", id="false"),
        pytest.param('images_min = "1000"', "images_min: Expected a finite number. Received: '1000'", id="string"),
        pytest.param("file_bytes_max = nan", "file_bytes_max: Expected a finite number. Received: nan", id="NaN"),
        pytest.param("file_bytes_max = inf", "file_bytes_max: Expected a finite number. Received: inf", id="infinite"),
        pytest.param("file_bytes_max = [1]", "file_bytes_max: Expected a finite number. Received: (1,)", id="list"),
        pytest.param(
            'runtimes = "tflite-micro"',
            "runtimes: Expected names of runtimes. Received: 'tflite-micro'",
            id="runtimes a string",
        ),
        pytest.param("runtimes = []", "runtimes: Expected names of runtimes. Received: ()", id="no runtimes"),
        pytest.param(
            'runtimes = ["tflite-micro", 1]',
            "runtimes: Expected names of runtimes. Received: ('tflite-micro', 1)",
            id="a runtime no string",
        ),
        pytest.param(
            "runtimes = { tflite-micro = 1 }",
            "runtimes: Expected names of runtimes. Received: {'tflite-micro': 1}",
            id="runtimes a table",
        ),
        pytest.param("runtimes = 1", "runtimes: Expected names of runtimes. Received: 1", id="runtimes a number"),
        pytest.param("runtimes = true", "runtimes: Expected names of runtimes. Received: True", id="runtimes true"),
        pytest.param("runtimes = false", "runtimes: Expected names of runtimes. Received: False", id="runtimes false"),
    ],
)
@pytest.mark.parametrize("table", ["default", "models.small", "models.another"])
def test_refuses_values_of_the_wrong_type(limits_file: Path, table: str, entry: str, message: str) -> None:
    """Limits are numbers and runtimes are names, in every table."""
    limits_file.write_text(f"[{table}]\n{entry}\n")
    with pytest.raises(LimitsError) as caught:
        read_limits(limits_file, "small")
    assert str(caught.value) == f"{limits_file}: {table}.{message}"


def test_refuses_a_mistake_in_another_models_table(limits_file: Path) -> None:
    """A misspelt key of one model is an error for every model."""
    limits_file.write_text("[models.small]\nimages_min = 200\n\n[models.large]\nimage_min = 200\n")
    with pytest.raises(LimitsError, match=r"Received: \['image_min'\]"):
        read_limits(limits_file, "small")


def test_refuses_what_is_not_utf_8(limits_file: Path) -> None:
    """A file that is not UTF-8 is an error."""
    limits_file.write_bytes(b"# \xff\n[default]\nimages_min = 1\n")
    with pytest.raises(LimitsError, match=r"limits\.toml: Expected TOML\. 'utf-8' codec can't decode byte 0xff"):
        read_limits(limits_file, "small")


def test_a_file_that_is_missing_is_an_os_error(limits_file: Path) -> None:
    """A missing file is the system's error."""
    with pytest.raises(OSError, match=r"No such file or directory: .*limits\.toml"):
        read_limits(limits_file, "small")


def test_missing_limits_are_named_in_order(limits_file: Path) -> None:
    """The limits that are not set are named, all of them, in the order of the class."""
    limits_file.write_text(TWO_MODELS)
    missing = read_limits(limits_file, "small").missing()
    assert missing[:3] == ("int8_accuracy_percent_min", "accuracy_drop_upper_pp_max", "early_exit_drop_pp_max")
    assert missing[-2:] == ("arena_bytes_max", "time_ratio_max")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(Limits(), (), id="none set"),
        pytest.param(Limits(runtimes=("tflite-micro",), images_min=2, agreement_percent_min=0.1), (), id="strict"),
        pytest.param(Limits(images_min=1), ("images_min = 1",), id="one image"),
        pytest.param(Limits(digits_kept_percent_min=0), ("digits_kept_percent_min = 0",), id="no digit kept"),
        pytest.param(Limits(digits_kept_percent_min=-5), ("digits_kept_percent_min = -5",), id="less than none"),
        pytest.param(
            Limits(negatives_accepted_percent_max=100), ("negatives_accepted_percent_max = 100",), id="every negative"
        ),
        pytest.param(Limits(negatives_accepted_percent_max=99.9), (), id="nearly every negative"),
        pytest.param(Limits(recall_drop_pp_max=250), ("recall_drop_pp_max = 250",), id="more than the whole"),
        pytest.param(Limits(file_bytes_max=2**31 - 1), (), id="2 GiB less a byte"),
        pytest.param(Limits(file_bytes_max=2**31), ("file_bytes_max = 2.14748e+09",), id="2 GiB"),
        pytest.param(
            Limits(accuracy_drop_pp_max=100, time_ratio_max=1e3),
            ("accuracy_drop_pp_max = 100", "time_ratio_max = 1000"),
            id="two",
        ),
    ],
)
def test_limits_that_any_model_keeps_are_named(limits: Limits, expected: tuple[str, ...]) -> None:
    """A limit is named with its value from where no model can miss it."""
    assert limits.refusing_nothing() == expected


@pytest.mark.parametrize(
    "model",
    ["rowstream-rows2d", "rowstream-cols2d", "rowstream-conv1d", "rowstream-rows", "rowstream-fast", "rowstream-tiny"],
)
def test_the_projects_file_sets_every_limit(model: str) -> None:
    """Each released variant has every limit, and each limit can refuse."""
    limits = read_limits(MODELS / "limits.toml", model)
    assert limits.missing() == limits.refusing_nothing() == ()


@pytest.mark.parametrize(
    ("name", "refuses_nothing", "refuses"),
    [
        ("images_min", 1, 2),
        ("signal_to_noise_db_min", -99, -98.9),
        ("agreement_percent_min", 0, 0.1),
        ("negatives_accepted_percent_max", 100, 99.9),
        ("accuracy_drop_pp_max", 100, 99.9),
        ("file_bytes_max", 2**31, 2**31 - 1),
        ("time_ratio_max", 1_000, 999),
    ],
)
def test_a_limit_that_any_model_keeps_refuses_nothing(name: str, refuses_nothing: float, refuses: float) -> None:
    """From this value on, whatever is measured is allowed; one step below something is not."""

    def refusing_nothing(value: float) -> tuple[str, ...]:
        limits: dict[str, Any] = {name: value}
        return Limits(**limits).refusing_nothing()

    assert refusing_nothing(refuses_nothing) == (f"{name} = {refuses_nothing:g}",)
    assert refusing_nothing(refuses) == ()
