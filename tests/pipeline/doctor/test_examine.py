"""Tests of the doctor: each sick network gets its finding and no other, healthy ones get none."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.doctor.examine import Diagnosis, diagnosed
from tests.support.patients import SICK, conv1d, flattened, misfit, one_step
from tests.support.well_networks import WELL


def sicknesses(diagnosis: Diagnosis) -> list[str]:
    return [finding.kind for finding in diagnosis.findings if finding.is_sick]


def notes(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(finding.kind, finding.layer) for finding in diagnosis.findings if not finding.is_sick]


def mend(diagnosis: Diagnosis) -> tuple[str, str]:
    (finding,) = (each for each in diagnosis.findings if each.is_sick)
    return finding.layer, finding.mend


def scaled(*first: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4, 6)), *first, layers.LSTM(3), layers.Dense(2)])


@pytest.mark.sampled
@pytest.mark.parametrize("name", SICK)
def test_a_sick_network_gets_its_finding_and_no_other(name: str) -> None:
    build, kind = SICK[name]
    assert sicknesses(diagnosed(build)) == [kind]


@pytest.mark.sampled
@pytest.mark.parametrize("name", WELL)
def test_a_healthy_network_gets_no_finding(name: str) -> None:
    assert sicknesses(diagnosed(WELL[name])) == []


@pytest.mark.thorough
def test_flattening_before_the_lstm_is_mended_by_a_reshape_of_the_map() -> None:
    """The map before the Flatten is 5x5x64, so its 5 rows of 320 become the steps."""
    assert mend(diagnosed(flattened)) == ("flatten", "layers.Reshape((5, 320))")


@pytest.mark.thorough
def test_a_reshape_that_does_not_fit_says_what_would() -> None:
    diagnosis = diagnosed(misfit)
    assert mend(diagnosis) == ("reshape", "layers.Reshape((5, 320))")
    assert "5 * 5 * 64 = 1,600 values; the target takes multiples of 3,136" in diagnosis.findings[0].why


def test_one_step_is_mended_by_the_rows_of_the_map() -> None:
    assert mend(diagnosed(one_step)) == ("reshape", "layers.Reshape((7, 448))")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("columns", "expected"), [(6, "layers.Reshape((6, 2))"), (1, "layers.Reshape((steps, features))")]
)
def test_one_step_of_a_map_of_one_row_is_mended_by_its_columns(columns: int, expected: str) -> None:
    """A map of one row has its columns as steps; of a single place no steps can be made."""

    def build() -> keras.Model:
        return keras.Sequential([keras.Input((1, columns, 2)), layers.Reshape((1, columns * 2)), layers.LSTM(3)])

    layer, line = mend(diagnosed(build))
    assert (layer, line.startswith(expected)) == ("reshape", True)


@pytest.mark.thorough
def test_conv1d_on_an_image_is_mended_by_a_reshape_before_it() -> None:
    assert mend(diagnosed(conv1d)) == ("conv1d", "layers.Reshape((28, 28)) before it")


def test_the_table_follows_the_shapes_and_marks_the_time_axis() -> None:
    """Rows are time: the first axis of the map, and of the steps behind the Reshape."""
    rows = diagnosed(WELL["captcha"]).rows
    assert [(row.kind, row.shape) for row in rows][3:6] == [
        ("MaxPooling2D", "[50*, 12, 8]"),
        ("Reshape", "[50*, 96]"),
        ("Dense", "[50*, 16]"),
    ]


@pytest.mark.thorough
def test_the_time_axis_of_columns_is_the_second_until_they_are_moved() -> None:
    rows = diagnosed(WELL["transposed"]).rows
    assert [row.shape for row in rows][:3] == ["[16, 24*, 4]", "[24*, 16, 4]", "[24*, 64]"]


def test_the_table_ends_where_the_network_raises() -> None:
    rows = diagnosed(conv1d).rows
    assert [(row.layer, row.kind, row.shape) for row in rows] == [("conv1d", "Conv1D", "raises")]


@pytest.mark.thorough
def test_what_looks_ahead_is_a_note() -> None:
    """A convolution padded on both sides along time, and a layer that reads both ways."""
    found = notes(diagnosed(WELL["keyword spotting"]))
    assert found == [("looks ahead", "conv2d"), ("looks ahead", "bidirectional")]


def test_an_activation_without_an_int8_kernel_is_a_note() -> None:
    found = notes(diagnosed(lambda: scaled(layers.Conv1D(3, 1, activation="gelu"))))
    assert found == [("table", "conv1d")]


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("first", "largest", "expected"),
    [
        ([layers.Rescaling(1 / 255)], 255, []),
        ([layers.Rescaling(1 / 255)], 1, ["scaling"]),
        ([], 1, []),
        ([], 255, ["scaling"]),
        ([layers.BatchNormalization()], 255, []),
    ],
)
def test_the_scale_of_the_data_is_seen(first: list[keras.Layer], largest: int, expected: list[str]) -> None:
    """Pixels of 0..255 need scaling, once; batch normalisation does it too."""
    data = np.full((3, 4, 6), largest, np.float32)
    assert sicknesses(diagnosed(lambda: scaled(*first), data.shape[1:], data)) == expected


def test_data_of_another_shape_is_wrong_use() -> None:
    with pytest.raises(ValueError, match=r"of the network's input \[4, 6\]. Received: \[5\]"):
        diagnosed(scaled, (5,))


def test_a_program_that_fails_outside_its_layers_names_the_line() -> None:
    """An option of Keras 2 is named with the file and the line that uses it."""

    def build() -> keras.Model:
        return keras.Sequential([keras.Input((4, 6)), layers.LSTM(3, time_major=False)])

    (finding,) = diagnosed(build).findings
    assert (finding.kind, finding.layer.partition(",")[0]) == ("raises", "test_examine.py")
    assert finding.mend == "take the option out: Keras 3 does not have it"


@pytest.mark.thorough
def test_a_network_of_a_class_of_its_own_is_followed_with_its_input_shape() -> None:
    """The layers that such a network calls are seen, when the shape is given."""

    class Own(keras.Model):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.flatten, self.lstm = layers.Flatten(), layers.LSTM(3)

        def call(self, inputs: object) -> object:
            return self.lstm(self.flatten(inputs))

    assert sicknesses(diagnosed(Own)) == ["unbuilt"]
    assert mend(diagnosed(Own, (28, 28, 1))) == ("flatten", "layers.Reshape((28, 28))")


@pytest.mark.thorough
def test_sicknesses_behind_the_first_are_found_too() -> None:
    """The Flatten hides that the loss expects probabilities."""

    def build() -> keras.Model:
        network = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.LSTM(3), layers.Dense(2)])
        network.compile("adam", "sparse_categorical_crossentropy")
        return network

    diagnosis = diagnosed(build)
    assert sicknesses(diagnosis) == ["flatten", "softmax missing"]
    assert 'layers.Dense(2, activation="softmax")' in diagnosis.program
