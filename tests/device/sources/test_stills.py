"""Tests of `device.sources.stills`."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.ExifTags
import PIL.Image
import pytest

from device.sources.open_source import open_source
from device.sources.stills import Stills, images_in
from device.vision.images import read_image

BLUE, RED = [255, 0, 0], [0, 0, 255]


def with_orientation(image: npt.NDArray[np.uint8], suffix: str, orientation: int) -> bytes:
    """An image file of that suffix whose Exif data give the orientation."""
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = orientation
    channels = [2, 1, 0, 3][: image.shape[2]]
    file = BytesIO()
    PIL.Image.fromarray(image[..., channels]).save(file, PIL.Image.registered_extensions()[suffix], exif=exif)
    return file.getvalue()


def is_about(pixels: npt.NDArray[np.uint8], colour: list[int]) -> bool:
    return bool(np.abs(pixels.astype(int) - colour).max() < 16)


@pytest.fixture
def red_top() -> npt.NDArray[np.uint8]:
    """A picture 32 wide and 64 high, its upper half red, its lower half blue."""
    image = np.full((64, 32, 3), BLUE, np.uint8)
    image[:32] = RED
    return image


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "A.JPG", "a.bmp", "a.webp", "a.tiff", "a.ppm"])
def test_an_image_is_read_in_blue_green_red(tmp_path: Path, red_top: npt.NDArray[np.uint8], name: str) -> None:
    assert cv2.imwrite(str(tmp_path / name), red_top)
    image = read_image(tmp_path / name)
    assert image.shape == (64, 32, 3)
    assert is_about(image[:16], RED)
    assert is_about(image[48:], BLUE)


# What is stored as the top is to be seen there, and the stored left side there.
@pytest.mark.parametrize(
    "seen",
    [
        (1, "top", "left"),
        (2, "top", "right"),
        (3, "bottom", "right"),
        (4, "bottom", "left"),
        (5, "left", "top"),
        (6, "right", "top"),
        (7, "right", "bottom"),
        (8, "left", "bottom"),
    ],
)
@pytest.mark.parametrize(("suffix", "channels"), [(".jpg", 3), (".png", 3), (".png", 4), (".webp", 3), (".webp", 4)])
def test_an_image_is_turned_by_its_exif_orientation(
    tmp_path: Path, suffix: str, channels: int, seen: tuple[int, str, str]
) -> None:
    orientation, top, left = seen
    stored = np.full((48, 32, channels), 255, np.uint8)
    stored[:16, :, :3] = RED
    stored[16:, :16, :3] = BLUE
    (tmp_path / f"a{suffix}").write_bytes(with_orientation(stored, suffix, orientation))
    image = read_image(tmp_path / f"a{suffix}")
    sides = {"top": image[:4], "bottom": image[-4:], "left": image[:, :4], "right": image[:, -4:]}
    assert is_about(sides[top], RED)
    assert is_about(np.median(sides[left], axis=(0, 1)), BLUE)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_malformed_exif_data_turn_nothing(tmp_path: Path, red_top: npt.NDArray[np.uint8], exif: bytes) -> None:
    file = BytesIO()
    PIL.Image.fromarray(red_top).save(file, "jpeg", exif=exif)
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    assert read_image(tmp_path / "a.jpg").shape == (64, 32, 3)


def test_a_png_of_sixteen_bits_is_scaled(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), np.array([[0, 25_700, 65_535]], np.uint16))
    assert read_image(tmp_path / "a.png").tolist() == [[[0] * 3, [100] * 3, [255] * 3]]


def test_a_transparent_png_is_blended_with_white(tmp_path: Path) -> None:
    pixels = np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    assert cv2.imwrite(str(tmp_path / "a.png"), pixels)
    assert read_image(tmp_path / "a.png").tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize("shape", [(1, 1), (3000, 4000)])
def test_images_of_one_pixel_and_of_twelve_megapixels_are_read(tmp_path: Path, shape: tuple[int, int]) -> None:
    assert cv2.imwrite(str(tmp_path / "a.jpg"), np.full(shape, 255, np.uint8))
    assert read_image(tmp_path / "a.jpg").shape == (*shape, 3)


def test_broken_files_are_refused_by_name(tmp_path: Path, red_top: npt.NDArray[np.uint8]) -> None:
    jpeg = cv2.imencode(".jpg", red_top)[1].tobytes()
    png = cv2.imencode(".png", red_top)[1].tobytes()
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    contents = {
        "empty.jpg": b"",
        "text.jpg": b"no image at all",
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": png[: len(png) // 2],
        "vast.png": png[:12] + header + png[29:],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"/{name}: Expected an image"):
            read_image(tmp_path / name)


def test_a_bad_file_is_logged_counted_and_skipped(
    tmp_path: Path, red_top: npt.NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.png", "c.png"):
        assert cv2.imwrite(str(tmp_path / name), red_top)
    (tmp_path / "b.png").write_bytes(b"")
    source = Stills([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "nosuch.png", tmp_path / "c.png"])
    frames = list(source)
    assert [(frame.number, frame.source) for frame in frames] == [(0, f"{tmp_path}/a.png"), (3, f"{tmp_path}/c.png")]
    assert [frame.still for frame in frames] == [True, True]
    assert source.failed == 2
    assert caplog.messages == [
        f"error: {tmp_path}/b.png: Expected an image. Received: 0 bytes in no known image format",
        f"error: [Errno 2] No such file or directory: '{tmp_path}/nosuch.png'",
    ]


def test_the_images_in_a_folder_come_by_name(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "c.txt", ".d.png"):
        (tmp_path / name).touch()
    (tmp_path / "e.png").mkdir()
    assert [path.name for path in images_in(tmp_path)] == [".d.png", "a.png", "b.JPG"]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"Expected a folder with images, \.bmp, .*Found none"):
        images_in(tmp_path)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.jpg", "a"])
def test_heic_is_named_with_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, brand: bytes
) -> None:
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(99))
    with open_source(str(tmp_path / name)) as source:
        assert list(source) == []
    assert source.failed == 1
    message = f"error: {tmp_path}/{name}: Expected an image that OpenCV can read. Received: HEIC/HEIF. "
    assert caplog.messages == [f"{message}Convert it to JPEG or PNG first."]


def test_heic_files_in_a_folder_are_not_skipped_silently(tmp_path: Path) -> None:
    for name in ("b.heic", "a.png"):
        (tmp_path / name).touch()
    assert [path.name for path in images_in(tmp_path)] == ["a.png", "b.heic"]
