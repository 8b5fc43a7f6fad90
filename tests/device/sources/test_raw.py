"""Tests of `device.sources.raw`."""

from __future__ import annotations

import io
import re

import pytest

from device.sources.raw import RawFrames, RawLayout


def images(content: bytes, layout: RawLayout) -> list[object]:
    return [frame.image.tolist() for frame in RawFrames(io.BytesIO(content), layout)]


@pytest.mark.parametrize(
    ("order", "content", "image"),
    [
        ("bgr", bytes([1, 2, 3, 4, 5, 6]), [[[1, 2, 3], [4, 5, 6]]]),
        ("rgb", bytes([1, 2, 3, 4, 5, 6]), [[[3, 2, 1], [6, 5, 4]]]),
        ("grey", bytes([1, 2]), [[[1, 1, 1], [2, 2, 2]]]),
    ],
)
def test_raw_frames_become_blue_green_red(order: str, content: bytes, image: object) -> None:
    assert images(3 * content, RawLayout(2, 1, order)) == [image] * 3


def test_an_incomplete_frame_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert images(bytes(4), RawLayout(1, 1)) == [[[[0, 0, 0]]]]
    assert caplog.messages == ["-: the stream ends within frame 1: 1 of 3 bytes"]


def test_an_empty_stream_has_no_frames(caplog: pytest.LogCaptureFixture) -> None:
    assert images(b"", RawLayout(1280, 720)) == []
    assert caplog.messages == []


def test_frames_are_numbered_and_have_a_clock() -> None:
    frames = list(RawFrames(io.BytesIO(bytes(9)), RawLayout(1, 1)))
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert not any(frame.still for frame in frames)


def test_a_size_is_read_from_text() -> None:
    assert RawLayout.parse("1280x720", "grey") == RawLayout(1280, 720, "grey")


@pytest.mark.parametrize(
    "size", ["", "1280", "1280x", "x720", "1280X720", "-1x5", "1280x720x3", "1e3x5", "\N{ARABIC-INDIC DIGIT ONE}x1"]
)
def test_other_text_than_a_size_is_refused(size: str) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"Expected a size WIDTHxHEIGHT, such as 1280x720. Received: {size}")
    ):
        RawLayout.parse(size)


@pytest.mark.parametrize("size", ["0x720", "1280x0", "32769x1"])
def test_a_size_out_of_range_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match=f"Expected raw frames with sides of 1 to 32768 pixels. Received: {size}"):
        RawLayout.parse(size)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected raw frames in bgr, rgb, grey\. Received: yuv"):
        RawLayout(2, 2, "yuv")
