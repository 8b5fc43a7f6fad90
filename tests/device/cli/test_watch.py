"""Tests of `python -m device watch`, each in a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.advice import pip_install
from tests.conftest import EITHER_RUNTIME, MODELS, ROOT, Digits, run_python
from tests.support.meters import counter, needs_opencv_4, on_wall
from tests.support.mosquitto import broker, free_port, installed, subscribed, until
from tests.support.posted import Taking, taking
from tests.support.scenes import blank, page, write, write_video

ROWS2D = MODELS / "rows2d"
FIELDS = [
    "time",
    "frame",
    "position_s",
    "source",
    "box",
    "label",
    "index",
    "probability",
    "top",
    "lines_read",
    "timings",
]


def device(*arguments: str | Path, stdin: bytes = b"", folder: Path = ROOT, **environment: str) -> Any:
    command = [sys.executable, "-m", "device", "watch", "--model", ROWS2D, *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept["PYTHONPATH"] = str(ROOT)
    child = subprocess.run(
        [*map(str, command)],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env={**kept, **environment},
        check=False,
        timeout=600,
    )
    decoded = subprocess.CompletedProcess(command, child.returncode, child.stdout.decode(), child.stderr.decode())
    assert "Traceback" not in decoded.stderr
    return decoded


def readings(child: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in child.stdout.splitlines()]


def said(child: Any) -> list[str]:
    """The lines on stderr, without libpng's own."""
    return [line for line in child.stderr.splitlines() if not line.startswith("libpng ")]


@pytest.fixture
def photo(tmp_path: Path, digits: Digits) -> Path:
    """A picture of three digits."""
    path = tmp_path / "photo.png"
    assert cv2.imwrite(str(path), page(digits, (3, 1, 4)))
    return path


@pytest.fixture
def video(tmp_path: Path, digits: Digits) -> Path:
    """Two seconds of video, thirty frames a second: blank paper for half a second, then two digits."""
    path = tmp_path / "video.mp4"
    write_video(path, [blank()] * 15 + [page(digits, (3, 1))] * 45)
    return path


@pytest.mark.sampled
@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_a_line_says_when_where_and_what_was_read(photo: Path, runtime: str) -> None:
    child = device(photo, "--runtime", runtime)
    assert child.returncode == 0
    lines = readings(child)
    assert [line["label"] for line in lines] == ["3", "1", "4"]
    for line in lines:
        assert list(line) == FIELDS
        assert (line["frame"], line["source"], line["lines_read"]) == (0, str(photo), 28)
        assert line["position_s"] is None
        assert line["top"][0] == [line["label"], line["probability"]]
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
        assert list(line["timings"]) == ["capture_ms", "crop_ms", "infer_ms"]
        assert min(line["timings"].values()) > 0
    boxes = [line["box"] for line in lines]
    assert [place * 150 + 40 <= x < x + width <= place * 150 + 130 for place, (x, _, width, _) in enumerate(boxes)]
    assert said(child)[-1] == "1 frame, 0 dropped, 3 candidates"


@pytest.mark.thorough
def test_a_still_without_digits_has_one_line_of_nothing(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "blank.png"), blank())
    child = device(tmp_path / "blank.png")
    (line,) = readings(child)
    assert {name: line[name] for name in FIELDS[4:10]} == {
        "box": None,
        "label": None,
        "index": None,
        "probability": None,
        "top": [],
        "lines_read": 0,
    }
    assert (child.returncode, said(child)[-1]) == (0, "1 frame, 0 dropped, 0 candidates")
    assert device(tmp_path / "blank.png", "--digits-only").stdout == ""


def test_bad_pictures_among_good_ones_cost_the_status_alone(tmp_path: Path, photo: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    content = photo.read_bytes()
    for name, part in {"a.png": content, "b.png": b"", "c.png": content[:999], "d.png": content}.items():
        (folder / name).write_bytes(part)
    child = device(folder)
    assert child.returncode == 2
    assert [(line["frame"], Path(line["source"]).name) for line in readings(child)] == [(0, "a.png")] * 3 + [
        (3, "d.png")
    ] * 3
    *errors, summary = said(child)
    assert [error.partition(": Expected ")[0] for error in errors] == [f"error: {folder}/{name}.png" for name in "bc"]
    assert summary == "2 frames, 0 dropped, 6 candidates"


@pytest.mark.thorough
def test_a_picture_too_small_for_the_region_must_not_stop_the_next(tmp_path: Path, photo: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), blank(20, 20))
    child = device(f"{tmp_path}/*.png", "--roi", "180,60,130,120")
    assert child.returncode == 2
    assert [(line["source"], line["label"]) for line in readings(child)] == [(str(photo), "1")]
    assert f"error: {tmp_path}/a.png: Expected a region inside 20 x 20 pixels. " in child.stderr


def test_a_video_is_read_frame_by_frame(video: Path) -> None:
    child = device(video)
    lines = readings(child)
    assert (child.returncode, said(child)[-1]) == (0, "60 frames, 0 dropped, 90 candidates")
    assert [line["frame"] for line in lines] == [frame for frame in range(15, 60) for _ in range(2)]
    assert {line["source"] for line in lines} == {str(video)}


@pytest.mark.thorough
def test_a_stable_digit_is_printed_once(video: Path) -> None:
    child = device(video, "--stable", "5")
    assert [(line["frame"], line["label"]) for line in readings(child)] == [(19, "3"), (19, "1")]


@pytest.mark.thorough
def test_interval_and_max_frames(video: Path) -> None:
    child = device(video, "--interval", "0.5", "--max-frames", "3", "--one")
    assert [(line["frame"], line["position_s"]) for line in readings(child)] == [(0, 0.0), (15, 0.5), (30, 1.0)]
    assert said(child)[-1].startswith("3 frames, ")


@pytest.mark.thorough
def test_a_video_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, digits: Digits) -> None:
    write_video(tmp_path / "a.avi", [page(digits, (3, 1))] * 30)
    content = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    child = device(tmp_path / "cut.avi")
    assert child.returncode == 2
    assert 16 < len(readings(child)) < 40
    assert "cut.avi: the video ends after " in said(child)[0]


@pytest.mark.sampled
@pytest.mark.parametrize("order", ["bgr", "rgb", "grey"])
def test_raw_frames_come_through_the_standard_input(digits: Digits, order: str) -> None:
    image = page(digits, (3, 1))
    channels = {"bgr": image, "rgb": image[..., ::-1], "grey": cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)}[order]
    raw = 3 * channels.tobytes() + b"half a frame"
    child = device("-", "--raw-size", "640x240", "--raw-format", order, stdin=raw)
    assert child.returncode == 0
    assert [(line["frame"], line["label"], line["source"]) for line in readings(child)] == [
        (frame, label, "-") for frame in range(3) for label in ("3", "1")
    ]
    assert "-: the stream ends within frame 3: 12 of " in said(child)[0]


@pytest.mark.thorough
def test_a_name_that_begins_with_a_dash_is_given_as_a_path(tmp_path: Path, photo: Path) -> None:
    photo.rename(tmp_path / "-photo.png")
    for arguments in (("./-photo.png",), ("--", "-photo.png")):
        child = device(*arguments, folder=tmp_path)
        assert [line["label"] for line in readings(child)] == ["3", "1", "4"]
    refused = device("-photo.png", folder=tmp_path)
    assert refused.returncode == 2
    assert "the following arguments are required: SOURCE" in refused.stderr


@pytest.mark.thorough
def test_crops_are_dumped_beside_the_frame_around_them(tmp_path: Path, photo: Path) -> None:
    child = device(photo, "--dump-crops", tmp_path / "dump")
    assert child.returncode == 0
    names = [f"frame000000_{index:02}_{kind}.png" for index in range(3) for kind in ("crop", "frame")]
    assert sorted(path.name for path in (tmp_path / "dump" / "run0001").iterdir()) == names
    crops = np.stack([cv2.imread(f"{tmp_path}/dump/run0001/{name}", cv2.IMREAD_UNCHANGED) for name in names[::2]])
    np.save(tmp_path / "crops.npy", crops)
    read = run_python("-m", "device", "classify", "--model", ROWS2D, tmp_path / "crops.npy")
    assert [line["label"] for line in readings(read)] == ["3", "1", "4"]


@pytest.mark.sampled
@pytest.mark.parametrize("source", ["", "photo.png", "*.png"])
def test_crops_among_the_pictures_they_come_from_are_refused(tmp_path: Path, photo: Path, source: str) -> None:
    photo.rename(tmp_path / "photo.png")
    child = device(tmp_path / source, "--dump-crops", tmp_path)
    assert (child.returncode, child.stdout) == (2, "")
    assert said(child) == [f"error: Expected a folder for crops other than that of the images. Received: {tmp_path}"]
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.thorough
def test_a_single_picture_makes_nothing_stable_and_the_summary_says_so(photo: Path) -> None:
    child = device(photo, "--stable", "2")
    assert (child.returncode, child.stdout) == (0, "")
    assert said(child)[-1] == "1 frame, 0 dropped, 3 candidates, 0 stable"


@pytest.mark.thorough
def test_a_recording_over_its_source_is_refused(video: Path) -> None:
    before = video.read_bytes()
    name = video.rename(video.with_suffix(".mp4"))
    child = device(name, "--record", name)
    assert child.returncode == 2
    assert said(child) == [f"error: Expected a recording other than its source. Received: {name}, which is the source"]
    assert name.read_bytes() == before


@pytest.mark.thorough
def test_a_disk_that_fills_while_recording_is_an_error(tmp_path: Path, video: Path) -> None:
    command = [sys.executable, "-m", "device", "watch", "--model", ROWS2D, video]
    child = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 2 && exec "$@"', "sh", *map(str, command), "--record", str(tmp_path / "out.mp4")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=600,
    )
    assert child.returncode == 2
    assert f"error: {tmp_path}/out.mp4: Expected a video of " in child.stderr
    assert "Traceback" not in child.stderr


def test_a_recording_holds_the_frames_that_were_read(tmp_path: Path, video: Path) -> None:
    child = device(video, "--interval", "0.1", "--record", tmp_path / "out.mp4")
    assert child.returncode == 0
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), round(capture.get(cv2.CAP_PROP_FPS))) == (20, 10)


@pytest.mark.thorough
def test_showing_without_a_window_to_show_is_refused(photo: Path) -> None:
    child = device(photo, "--show")
    assert (child.returncode, child.stdout) == (2, "")
    assert said(child)[-1].startswith("error: --show needs ")


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: SOURCE"),
        (("a.png", "b.npy"), "unrecognized arguments: b.npy"),
        (("0", "--partial"), "unrecognized arguments: --partial"),
        (("-",), "error: Expected --raw-size with the source -, and no other. Received: - without it"),
        (("0", "--raw-size", "4x4"), "error: Expected --raw-size with the source -, and no other. Received: 0"),
        (("-", "--raw-size", "4by4"), "error: Expected a size WIDTHxHEIGHT, such as 1280x720"),
        (("-", "--raw-format", "rgb"), "error: Expected --raw-size with --raw-format. Received none"),
        (("-", "--raw-size", "4x4", "--raw-format", "yuv"), "error: Expected raw frames in bgr, rgb, grey"),
        (("nosuch.png",), "error: nosuch.png: Expected a SOURCE that exists. Found no file of that name"),
        (("nosuch",), "error: nosuch: Expected a camera index or device, picamera2, "),
        (("README.md",), "error: README.md: Expected a video or image that OpenCV can read. Received: "),
        (("device",), "error: device: Expected a folder with images, "),
        (("0", "--roi", "1,2,3"), "error: argument --roi: Expected a region x,y,width,height or "),
        (("0", "--interval", "0"), "error: Expected --interval above 0 seconds. Received: 0.0"),
        (("0", "--interval", "nan"), "error: Expected --interval above 0 seconds. Received: nan"),
        (("0", "--stable", "0"), "error: Expected --stable of at least 1. Received: 0"),
        (("0", "--max-frames", "-3"), "error: Expected --max-frames of at least 1. Received: -3"),
        (("0", "--max-frames", "x"), "argument --max-frames: invalid int value: 'x'"),
        (("0", "--record", "out.avi"), "error: Expected a name that ends in .mp4"),
    ],
)
def test_wrong_use_ends_with_2_and_says_why(arguments: tuple[str, ...], message: str) -> None:
    child = device(*arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert message in child.stderr


def test_a_model_that_is_not_there_is_named(photo: Path) -> None:
    child = run_python("-m", "device", "watch", "--model", "nosuch", photo)
    assert (child.returncode, child.stdout) == (2, "")
    assert "error: nosuch: Expected a model's folder" in child.stderr


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("rotate", "turns", "size"),
    [("0", 0, "640x240"), ("90", 1, "240x640"), ("180", 2, "640x240"), ("270", 3, "240x640")],
)
def test_frames_are_turned_clockwise(digits: Digits, rotate: str, turns: int, size: str) -> None:
    """Raw frames that lie on their side are read upright, and boxes are in the upright frame."""
    upright = page(digits, (2, 7))
    # np.rot90 turns to the left.
    child = device("-", "--raw-size", size, "--rotate", rotate, stdin=np.rot90(upright, turns).tobytes())
    straight = device("-", "--raw-size", "640x240", stdin=upright.tobytes())
    assert [line["label"] for line in readings(child)] == ["2", "7"]
    assert [line["box"] for line in readings(child)] == [line["box"] for line in readings(straight)]


@pytest.mark.thorough
def test_a_video_is_turned_and_recorded_upright(tmp_path: Path, digits: Digits) -> None:
    """A video on its head is read, and its recording is upright."""
    write_video(tmp_path / "head.avi", [page(digits, (2, 7))[::-1, ::-1]] * 3)
    child = device(tmp_path / "head.avi", "--rotate", "180", "--record", tmp_path / "read.mp4")
    assert child.returncode == 0, child.stderr
    assert [line["label"] for line in readings(child)] == ["2", "7"] * 3
    assert device(tmp_path / "read.mp4", "--max-frames", "1").returncode == 0


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rotate", "45"), "argument --rotate: invalid choice: "),
        (("--camera-size", "640"), "argument --camera-size: Expected a size WIDTHxHEIGHT, such as 1280x720"),
        (("--camera-size", "0x480"), "Expected a camera's frames with sides of 1 to 32768 pixels. Received: 0x480"),
        (("--frame-rate", "0"), "Expected a frame rate above 0 and up to 1000. Received: 0.0"),
        (("--frame-rate", "nan"), "Expected a frame rate above 0 and up to 1000. Received: nan"),
    ],
)
def test_wrong_camera_options_are_refused(arguments: tuple[str, ...], message: str) -> None:
    """What no camera can be asked for ends with 2 before one is opened."""
    child = device("0", *arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert message in child.stderr


def test_help_names_every_option() -> None:
    child = run_python("-m", "device", "watch", "--help")
    options = ("early-exit", "raw-size", "raw-format", "roi", "interval", "max-frames", "one", "stable", "digits-only")
    for name in (*options, "dump-crops", "record", "show"):
        assert f"--{name}" in child.stdout


@pytest.mark.thorough
def test_run_with_a_source_is_an_alias(photo: Path, tmp_path: Path) -> None:
    photo.rename(tmp_path / "-photo.png")
    command = ("-m", "device", "run", "--model", ROWS2D, "--source=-photo.png", "--one")
    (tmp_path / "device").symlink_to(ROOT / "device")
    child = run_python(*command, folder=tmp_path)
    assert (child.returncode, len(readings(child))) == (0, 1)
    assert child.stderr.splitlines() == [
        "warning: `run` is deprecated and will be removed in the next version; use `watch`",
        "1 frame, 0 dropped, 1 candidate",
    ]


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """A pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.thorough
def test_nobody_reads_the_lines(video: Path, closed_pipe: int) -> None:
    child = run_python("-m", "device", "watch", "--model", ROWS2D, video, stdout=closed_pipe)
    assert child.returncode == 0
    assert "rror" not in child.stderr
    assert "Traceback" not in child.stderr


@pytest.mark.thorough
def test_without_opencv_a_source_says_what_to_install_and_crops_are_read(
    photo: Path, tmp_path: Path, digits: Digits, bare_site: Callable[..., Path]
) -> None:
    site = bare_site("numpy", "ai-edge-litert")
    np.save(tmp_path / "zero.npy", digits[0][0])
    child = run_python("-m", "device", "watch", "--model", ROWS2D, photo, site=site)
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr == f"error: watch needs OpenCV and Pillow: {pip_install('opencv-python-headless', 'pillow')}\n"
    crops = run_python("-m", "device", "classify", "--model", ROWS2D, tmp_path / "zero.npy", site=site)
    assert [json.loads(line)["label"] for line in crops.stdout.splitlines()] == ["0"]


def test_reading_crops_from_arrays_loads_no_opencv(tmp_path: Path, digits: Digits) -> None:
    np.save(tmp_path / "zero.npy", digits[0][0])
    code = f"""
import sys
from device.__main__ import main
main(["classify", "--model", "{ROWS2D}", "{tmp_path}/zero.npy"])
print("cv2" in sys.modules)
"""
    assert run_python("-c", code).stdout.splitlines()[-1] == "False"


def plate(folder: Path, name: str, number: str, rolled: float = 0.0) -> Path:
    """Writes a picture of a counter whose windows lie at (64, 84), 58 pixels apart and 72 high."""
    path = folder / name
    image = on_wall(counter(number, 48, np.random.default_rng(3), rolled), 40, 60)
    assert cv2.imwrite(str(path), image)
    return path


def described(folder: Path, entries: str) -> Path:
    """Writes a file with one field, gas, on the first five windows of `plate`."""
    path = folder / "fields.toml"
    path.write_text(f'[[field]]\nname = "gas"\nregion = [64, 84, 290, 72]\ndigits = 5\nink = "light"\n{entries}\n')
    return path


def test_fields_are_read_and_checked(tmp_path: Path) -> None:
    """A line a reading: the field's value, its digits, and which check fails, beside the last good value."""
    for name, number in (("1.png", "01274"), ("2.png", "01270"), ("3.png", "01276")):
        plate(tmp_path, name, number)
    fields = described(tmp_path, "decimal_places = 2\nchecks = {never_falls = true}")
    child = device("--fields", fields, tmp_path / "*.png")
    assert (child.returncode, said(child)) == (0, ["3 frames, 0 dropped, 15 candidates"])
    lines = readings(child)
    names = ["time", "frame", "position_s", "source", "field", "box", "value", "text", "failed", "last_good", "digits"]
    assert [*lines[0]] == [*names, "timings"]
    assert [line["field"] for line in lines] == ["gas"] * 3
    assert [(line["text"], line["value"]) for line in lines] == [("012.74", 12.74), ("012.70", 12.7), ("012.76", 12.76)]
    assert [(line["failed"], line["last_good"]) for line in lines] == [
        ([], None),
        (["never_falls"], 12.74),
        ([], 12.74),
    ]
    assert [digit["label"] for digit in lines[0]["digits"]] == ["0", "1", "2", "7", "4"]
    assert all(digit["probability"] > 0.8 for digit in lines[0]["digits"])


@pytest.mark.thorough
@needs_opencv_4
def test_an_unsure_digit_is_a_question_mark_and_leaves_no_value(tmp_path: Path) -> None:
    """A wheel that stands half-way and is hardly seen makes the value null; the other digits stay."""
    child = device("--fields", described(tmp_path, "rolling = true"), plate(tmp_path, "a.png", "01274", 0.35))
    (line,) = readings(child)
    assert (line["value"], line["text"], line["digits"][4]["half_way"]) == (None, "0127?", True)


def test_a_stable_field_is_printed_once(tmp_path: Path) -> None:
    """With --stable a number is printed when three frames in a row agree on it, and not again."""
    frames = [
        on_wall(counter(number, 48, np.random.default_rng(3)), 40, 60) for number in 4 * ["01274"] + 4 * ["01275"]
    ]
    write_video(tmp_path / "meter.avi", frames)
    child = device("--fields", described(tmp_path, ""), "--stable", "3", tmp_path / "meter.avi")
    assert [(line["frame"], line["value"]) for line in readings(child)] == [(2, 1274), (6, 1275)]


@pytest.mark.thorough
def test_digits_on_one_line_are_one_number(tmp_path: Path, digits: Digits) -> None:
    """With --numbers each line of digits is one number, and what is far away another."""
    image = blank(900, 300)
    for place, digit in enumerate((3, 1, 4)):
        write(image, digits[0][30 * digit], 40 + 80 * place, 60)
    for place, digit in enumerate((4, 7)):
        write(image, digits[0][30 * digit], 600 + 80 * place, 150)
    assert cv2.imwrite(str(tmp_path / "a.png"), image)
    lines = readings(device("--numbers", tmp_path / "a.png"))
    assert [(line["value"], line["text"], "field" in line) for line in lines] == [
        (314, "314", False),
        (47, "47", False),
    ]
    assert 590 <= lines[1]["box"][0] <= 640


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--numbers",), "Expected --fields without --numbers, --one, --roi, --early-exit, --digits-only"),
        (("--roi", "1,2,3,4"), "Received: --roi"),
        (("--one", "--digits-only"), "Received: --one, --digits-only"),
    ],
)
def test_fields_are_not_looked_for_otherwise(tmp_path: Path, options: tuple[str, ...], reason: str) -> None:
    """Options that say where digits are, or which, do not go with fields."""
    child = device("--fields", described(tmp_path, ""), *options, plate(tmp_path, "a.png", "01274"))
    assert (child.returncode, child.stdout) == (2, "")
    assert reason in said(child)[-1]


@pytest.mark.thorough
def test_a_field_beyond_a_picture_is_an_error_of_that_picture(tmp_path: Path) -> None:
    """A picture that is too small gets an error, and the next one is read."""
    assert cv2.imwrite(str(tmp_path / "1.png"), blank(100, 100))
    plate(tmp_path, "2.png", "01274")
    child = device("--fields", described(tmp_path, ""), tmp_path / "*.png")
    assert child.returncode == 2
    assert [line["value"] for line in readings(child)] == [1274]
    assert "1.png: Expected a region inside 100 x 100 pixels" in said(child)[0]


def test_lines_are_posted_and_published_as_they_are_printed(tmp_path: Path) -> None:
    """--post and --mqtt send the lines that are printed, those of a source that ends too."""
    installed()
    picture, fields, taken = plate(tmp_path, "a.png", "01274"), described(tmp_path, ""), Taking(200)
    with broker(tmp_path, free_port()) as port, subscribed(port) as received, taking(taken) as url:
        child = device("--fields", fields, "--post", url, "--mqtt", f"127.0.0.1:{port}/cellar", picture)
        until(lambda: received.latest.get("cellar/availability") == "offline")
    assert child.returncode == 0, child.stderr
    (line,) = readings(child)
    assert taken.bodies == [(200, line)]
    assert json.loads(received.latest["cellar/gas/state"]) == line
    assert json.loads(received.latest["homeassistant/sensor/cellar_gas/config"])["name"] == "gas"


@pytest.mark.thorough
def test_unsure_digits_are_kept_to_be_labelled(tmp_path: Path, digits: Digits) -> None:
    """With --keep-unsure a cross is kept, and the digit beside it is not."""
    image = page(digits, (7,))
    for x in (300, 380):
        cv2.line(image, (x, 80), (680 - x, 160), (110, 40, 30), 8, cv2.LINE_AA)
    assert cv2.imwrite(str(tmp_path / "a.png"), image)
    assert device("--keep-unsure", tmp_path / "kept", tmp_path / "a.png").returncode == 0
    (crop,) = (tmp_path / "kept" / "unsorted").iterdir()
    assert cv2.imread(str(crop)).shape == (28, 28, 3)


def test_only_fields_are_published(photo: Path) -> None:
    """A broker needs names, so --mqtt goes with --fields alone."""
    child = device("--mqtt", "127.0.0.1", photo)
    assert (child.returncode, said(child)) == (2, ["error: Expected --fields with --mqtt. Received: --mqtt without it"])


def test_without_paho_mqtt_the_error_says_what_to_install(tmp_path: Path, bare_site: Callable[..., Path]) -> None:
    """Nothing else of `watch` needs it."""
    tomli = ("tomli",) if sys.version_info < (3, 11) else ()
    site = bare_site("numpy", *EITHER_RUNTIME[:1], "opencv-python-headless", "pillow", *tomli)
    arguments = ("--fields", described(tmp_path, ""), plate(tmp_path, "a.png", "01274"))
    command = ("-m", "device", "watch", "--model", str(ROWS2D), *map(str, arguments))
    assert json.loads(run_python(*command, site=site).stdout)["value"] == 1274
    child = run_python(*command, "--mqtt", "127.0.0.1", site=site)
    assert child.returncode == 2
    assert child.stderr.startswith("error: --mqtt needs paho-mqtt: ")
    assert 'pip install "paho-mqtt>=2"' in child.stderr
