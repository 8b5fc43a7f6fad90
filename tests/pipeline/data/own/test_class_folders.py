"""Tests of `pipeline.data.own.class_folders` and of `pipeline.data.own.images`, with real image files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.ExifTags
import PIL.Image
import pytest

from pipeline.data.own.read import read_data
from tests.conftest import Digits
from tests.support.own_data import write_class_folders, write_png

GREY = np.full((4, 6), 90, np.uint8)


def test_train_and_test_folders_keep_their_parts(tmp_path: Path, digits: Digits) -> None:
    """Class folders inside `train/`, `val/` and `test/` become the parts, and each part may lack a class."""
    crops, labels = digits[0][::60], digits[1][::60]
    for part, chosen in (("train", slice(0, 5)), ("val", slice(0, 2)), ("test", slice(3, 4))):
        write_class_folders(tmp_path / part, crops[chosen], labels[chosen])
    data = read_data(str(tmp_path), (28, 28, 1))
    assert data.parts is not None
    assert data.parts.tolist() == ["test"] + ["training"] * 5 + ["validation"] * 2
    assert data.items[0] == "test/6/0000.png"
    assert data.label(0) == "6"


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    """Folders called `train` and `test` with images directly in them are two classes, no parts."""
    write_png(tmp_path / "train" / "1.png", GREY)
    write_png(tmp_path / "test" / "1.png", GREY)
    data = read_data(str(tmp_path), (4, 6, 1))
    assert (data.names, data.parts) == (("test", "train"), None)


def test_names_give_the_order_of_the_networks_outputs(tmp_path: Path) -> None:
    """Folders are classes in the order of the alphabet; names set another order, and a class without a folder."""
    for name in ("0", "2", "10"):
        write_png(tmp_path / name / "1.png", GREY)
    assert read_data(str(tmp_path), (4, 6, 1)).names == ("0", "10", "2")
    data = read_data(str(tmp_path), (4, 6, 1), names=["0", "1", "2", "10"])
    assert data.targets.tolist() == [0, 3, 2]
    with pytest.raises(ValueError, match=r"Expected classes of 0, 2\. Received: 10"):
        read_data(str(tmp_path), (4, 6, 1), names=["0", "2"])


def test_all_unreadable_files_are_listed_in_one_error(tmp_path: Path) -> None:
    """A damaged file, an empty one and one that is too large are listed together, each with its reason."""
    write_png(tmp_path / "cat" / "good.png", GREY)
    content = (tmp_path / "cat" / "good.png").read_bytes()
    (tmp_path / "cat" / "cut.png").write_bytes(content[:40])
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "empty.jpg").touch()
    header = b"P5 99999 99999 255\n"
    (tmp_path / "dog" / "vast.pgm").write_bytes(header)
    with pytest.raises(ValueError, match=r"Expected images that Pillow reads\. Received 3 others:") as refused:
        read_data(str(tmp_path), (4, 6, 1))
    lines = str(refused.value).splitlines()[1:]
    assert [Path(line.partition(": ")[0]).name for line in lines] == ["cut.png", "empty.jpg", "vast.pgm"]
    assert all(line.partition(": ")[2] for line in lines)


def test_a_postscript_program_is_not_run(tmp_path: Path) -> None:
    """An EPS file is refused, because it is a program that Pillow would have Ghostscript run."""
    (tmp_path / "cat").mkdir()
    PIL.Image.fromarray(GREY).save(tmp_path / "cat" / "1.eps")
    with pytest.raises(ValueError, match=r"1\.eps: cannot identify image file"):
        read_data(str(tmp_path), (4, 6, 1))


def test_files_that_are_no_images_are_noted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    """A text beside images is left out and named; hidden files are left out; images may be in deeper folders."""
    write_png(tmp_path / "cat" / "deep" / "1.png", GREY)
    (tmp_path / "cat" / "licence.txt").write_text("free")
    (tmp_path / "cat" / ".DS_Store").write_text("hidden")
    data = read_data(str(tmp_path), (4, 6, 1))
    assert data.items == ("cat/deep/1.png",)
    assert data.notes == ("files that are no images left out: cat/licence.txt",)


def test_folders_without_an_image_are_refused(tmp_path: Path) -> None:
    """Folders with other files alone are refused."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "table.txt").touch()
    with pytest.raises(ValueError, match="Received: no image in its folders"):
        read_data(str(tmp_path), (4, 6, 1))


def test_images_of_another_size_are_resized_and_counted(tmp_path: Path, digits: Digits) -> None:
    """Images are stretched to the network's size, and the notes say how many had which size."""
    write_class_folders(tmp_path, digits[0][:3], digits[1][:3])
    write_png(tmp_path / "0" / "wide.png", GREY)
    data = read_data(str(tmp_path), (14, 14, 1))
    assert data.inputs.shape == (4, 14, 14, 1)
    assert data.notes == ("images resized from 28 x 28 to 14 x 14: 3", "images resized from 6 x 4 to 14 x 14: 1")
    halved = digits[0][0].reshape(14, 2, 14, 2).mean(axis=(1, 3))
    assert np.abs(data.inputs[0, ..., 0] - halved).mean() < 12
    assert (data.inputs[3] == 90).all()


def test_images_of_one_size_are_kept_by_a_network_of_any_size(tmp_path: Path) -> None:
    """A network whose height and width are open takes images as they are, if they all have one size."""
    write_png(tmp_path / "cat" / "1.png", GREY)
    assert read_data(str(tmp_path), (None, None, 3)).inputs.shape == (1, 4, 6, 3)
    write_png(tmp_path / "cat" / "2.png", GREY[:3])
    with pytest.raises(ValueError, match=r"Expected images of one size .* Received: 1 of 6 x 4, 1 of 6 x 3"):
        read_data(str(tmp_path), (None, None, 3))


@pytest.mark.parametrize(
    ("image", "channels", "expected", "change"),
    [
        (PIL.Image.new("RGB", (2, 2), (255, 0, 0)), 1, [76], "converted from RGB to grey"),
        (PIL.Image.new("L", (2, 2), 9), 3, [9, 9, 9], "converted from L to RGB"),
        (PIL.Image.new("RGBA", (2, 2), (1, 2, 3, 0)), 3, [1, 2, 3], "converted from RGBA to RGB"),
        (PIL.Image.new("1", (2, 2), 1), 1, [255], "converted from 1 to grey"),
        (PIL.Image.fromarray(np.full((2, 2), 257 * 7, np.uint16)), 1, [7], "converted from I;16 to grey"),
    ],
    ids=["colours", "grey", "transparent", "bits", "16 bits"],
)
def test_channels_are_the_networks(
    tmp_path: Path, image: PIL.Image.Image, channels: int, expected: list[int], change: str
) -> None:
    """Grey, coloured, transparent, one-bit and 16-bit images get the channels of the network, and notes say so."""
    (tmp_path / "cat").mkdir()
    image.save(tmp_path / "cat" / "1.png")
    data = read_data(str(tmp_path), (2, 2, channels))
    assert data.inputs[0, 0, 0].tolist() == expected
    assert data.notes == (f"images {change}: 1",)


def test_an_image_network_of_two_channels_is_refused(tmp_path: Path) -> None:
    """Image files have one, three or four channels."""
    write_png(tmp_path / "cat" / "1.png", GREY)
    with pytest.raises(ValueError, match=r"Expected an image network of 1, 3 or 4 channels"):
        read_data(str(tmp_path), (4, 6, 2))


def test_images_are_turned_by_their_exif_orientation(tmp_path: Path) -> None:
    """A photograph that says it is to be turned by 180 degrees is read upright."""
    (tmp_path / "cat").mkdir()
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = 3
    pixels: npt.NDArray[np.uint8] = np.arange(6, dtype=np.uint8).reshape(2, 3)
    PIL.Image.fromarray(pixels).save(tmp_path / "cat" / "1.png", exif=exif)
    assert read_data(str(tmp_path), (2, 3)).inputs.tolist() == [[[5, 4, 3], [2, 1, 0]]]


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    """Of several frames the first is read, and the notes say so."""
    (tmp_path / "cat").mkdir()
    frames = [PIL.Image.new("L", (3, 2), level) for level in (40, 200)]
    frames[0].save(tmp_path / "cat" / "1.gif", save_all=True, append_images=frames[1:])
    data = read_data(str(tmp_path), (2, 3, 1))
    assert (data.inputs == 40).all()
    assert "images read at the first frame of an animation: 1" in data.notes
