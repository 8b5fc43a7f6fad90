"""Tests of `device.vision.region`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.vision.boxes import Box
from device.vision.region import Region


@pytest.fixture
def image() -> npt.NDArray[np.uint8]:
    """Twenty rows of thirty pixels."""
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_a_rectangle_is_cut_pixel_by_pixel(image: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(Region.parse("4,5,10,6").cut(image), image[5:11, 4:14], strict=True)


def test_the_whole_image_is_a_region_of_it(image: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(Region.parse("0,0,30,20").cut(image), image, strict=True)


def test_a_region_on_its_side_is_turned_upright(image: npt.NDArray[np.uint8]) -> None:
    lying = Region.parse("14,5, 14,11, 4,11, 4,5")
    np.testing.assert_array_equal(lying.cut(image), np.rot90(image[5:11, 4:14]), strict=True)


def test_a_region_upside_down_is_turned_upright(image: npt.NDArray[np.uint8]) -> None:
    cut = Region.parse("30,20,0,20,0,0,30,0").cut(image)
    assert np.array_equal(cut, image[::-1, ::-1])


def test_a_quadrilateral_is_rectified() -> None:
    image = np.zeros((100, 100), np.uint8)
    region = Region.parse("30,10,70,10,90,90,10,90")
    for y in range(10, 90):
        reach = 20 + (y - 10) // 4
        image[y, 50 - reach : 50 + reach] = 200
    cut = region.cut(image)
    assert cut.shape == (82, 80)
    assert (cut[4:-4, 4:-4] == 200).all()


def test_a_box_in_a_rectangle_is_moved() -> None:
    assert Region.parse("4,5,10,6").box_in_frame(Box(1, 2, 3, 4)) == Box(5, 7, 3, 4)


def test_a_box_in_a_region_on_its_side_is_turned() -> None:
    assert Region.parse("14,5,14,11,4,11,4,5").box_in_frame(Box(1, 2, 3, 4)) == Box(8, 6, 4, 3)


@given(x=st.integers(0, 40), y=st.integers(0, 40), width=st.integers(1, 40), height=st.integers(1, 40))
def test_the_box_of_the_whole_region_is_the_region(x: int, y: int, width: int, height: int) -> None:
    region = Region.parse(f"{x},{y},{width},{height}")
    assert region.box_in_frame(Box(0, 0, width, height)) == Box(x, y, width, height)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "1,2,3,x", "-1,2,3,4", "1.5,2,3,4", "1,2,3,4,5,6,7", "1,2,3,4,", "٣,2,3,4"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected a region x,y,width,height or x1,y1,x2,y2,x3,y3,x4,y4"):
        Region.parse(text)


@pytest.mark.parametrize("text", ["1,2,0,4", "1,2,3,0"])
def test_a_rectangle_without_extent_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="with a width and a height above 0"):
        Region.parse(text)


@pytest.mark.parametrize(
    "text",
    ["0,0,0,9,9,9,9,0", "0,0,9,9,9,0,0,9", "0,0,5,0,9,0,0,9", "0,0,9,0,2,2,0,9", "3,3,3,3,3,3,3,3"],
    ids=["anticlockwise", "crossed", "three in a line", "hollow", "a point"],
)
def test_corners_that_enclose_no_convex_area_clockwise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected the corners of a convex region, clockwise"):
        Region.parse(text)


@pytest.mark.parametrize("text", ["25,5,10,6", "4,15,10,6", "0,0,31,0,31,20,0,20"])
def test_a_region_outside_the_image_is_refused(image: npt.NDArray[np.uint8], text: str) -> None:
    with pytest.raises(ValueError, match="Expected a region inside 30 x 20 pixels"):
        Region.parse(text).cut(image)
