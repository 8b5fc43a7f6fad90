"""Tests of `python -m device fields`: its requests, and the page in a browser without a window."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from device.fields.field import Field, Fields, read_fields
from tests.conftest import run_python
from tests.support.meters import counter, on_wall
from tests.support.served import Response, Served, opened, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest_plugins = ("tests.support.browser",)

# What the page says once it is ready.
SIZE = "640 x 360"
# The windows of the counter in the picture.
GAS = {"name": "gas", "region": [64, 84, 290, 72], "digits": 5, "ink": "light"}


@contextmanager
def drawing(folder: Path, *options: str) -> Iterator[Served]:
    """Serves the page with a picture of a counter that shows 01274, for the file `fields.toml`."""
    picture = folder / "meter.png"
    assert cv2.imwrite(str(picture), on_wall(counter("01274", 48, np.random.default_rng(3)), 40, 60))
    with served(picture, "--file", folder / "fields.toml", *options, command=("fields", "--address")) as server:
        yield server


def send(server: Served, method: str, tables: Any, kind: str = "application/json") -> Response:
    return server.ask("/fields", method, json.dumps(tables).encode(), {"Content-Type": kind})


def drag(shown: Page, start: tuple[int, int], stop: tuple[int, int]) -> None:
    """Draws a rectangle with the mouse, between two places in the picture of 640 x 360 pixels."""
    shown.locator("#picture").scroll_into_view_if_needed()
    place = shown.locator("#picture").bounding_box()
    assert place is not None
    points = [(place["x"] + x * place["width"] / 640, place["y"] + y * place["height"] / 360) for x, y in (start, stop)]
    shown.mouse.move(*points[0])
    shown.mouse.down()
    shown.mouse.move(*points[1], steps=5)
    shown.mouse.up()


def test_fields_are_described_tried_and_saved_by_requests(tmp_path: Path) -> None:
    """The page learns the picture's size, reads fields one by one, and saves what `read_fields` reads back."""
    Fields((Field("old", (1, 2, 30, 40)),)).write(tmp_path / "fields.toml")
    with drawing(tmp_path) as server:
        described = server.ask("/fields").json
        picture = server.ask("/picture")
        tried = send(server, "POST", [GAS, GAS | {"digits": 0}, GAS | {"region": [600, 84, 290, 72]}, 7]).json
        saved = send(server, "PUT", [GAS])
        page = server.ask("/")
        assert server.ended()[0] == 0
    assert (described["width"], described["height"]) == (640, 360)
    assert [field["name"] for field in described["fields"]] == ["old"]
    assert (picture.headers["content-type"], picture.body[:2]) == ("image/jpeg", b"\xff\xd8")
    assert (tried[0]["text"], tried[0]["value"]) == ("01274", 1274)
    errors = [answer["error"] for answer in tried[1:]]
    assert ["Expected digits in 1..20" in errors[0], "Expected a region inside 640 x 360" in errors[1]] == [True, True]
    assert "Expected a table. Received: 7" in errors[2]
    assert saved.json == {"path": str(tmp_path / "fields.toml"), "fields": 1}
    assert read_fields(tmp_path / "fields.toml") == (Field("gas", (64, 84, 290, 72), digits=5, ink="light"),)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")


def test_what_is_no_list_of_fields_is_refused_and_not_saved(tmp_path: Path) -> None:
    """Another type, which other sites may send, and fields with one name twice, leave no file."""
    with drawing(tmp_path, "--token", "secret") as server:
        refused = send(server, "PUT", [GAS])
    assert refused.status == 401
    with drawing(tmp_path) as server:
        assert send(server, "PUT", [GAS], "text/plain").status == 415
        assert send(server, "PUT", [GAS, GAS]).json["error"].startswith("fields: Expected one or more fields with diff")
        assert send(server, "PUT", {"field": [GAS]}).json["error"].startswith("Expected a list of up to 100 fields.")
        assert server.ask("/fields", "PUT", b"[", {"Content-Type": "application/json"}).status == 400
        assert server.ask("/classify", "POST", b"", {"Content-Type": "image/png"}).status == 400
    assert not (tmp_path / "fields.toml").exists()


def test_a_source_without_a_picture_is_an_error(tmp_path: Path) -> None:
    """A file that is no picture, and a broken file of fields, end the command with 2."""
    (tmp_path / "a.png").write_text("no picture")
    child = run_python("-m", "device", "fields", str(tmp_path / "a.png"), "--file", str(tmp_path / "fields.toml"))
    assert child.returncode == 2
    assert child.stderr.splitlines()[-1].endswith("a.png: Expected a picture. Found none that can be read")
    (tmp_path / "fields.toml").write_text("[field]")
    child = run_python("-m", "device", "fields", "docs/note.png", "--file", str(tmp_path / "fields.toml"))
    assert child.returncode == 2
    assert "fields.toml: " in child.stderr


def test_raw_frames_are_no_source_for_fields() -> None:
    """The error names what is one, not an option that this command does not have."""
    child = run_python("-m", "device", "fields", "-")
    assert child.returncode == 2
    assert child.stderr == "error: Expected a camera, an address, a video or a picture. Received: -, raw frames\n"


def test_a_field_is_drawn_named_tried_and_saved(browser: Browser, tmp_path: Path) -> None:
    """A rectangle drawn with the mouse is read at once; its form says what it is, and Save writes the file."""
    with drawing(tmp_path) as server, opened(browser, server, SIZE) as shown:
        drag(shown, (64, 84), (354, 156))
        shown.locator(".field .number", has_text="01274").wait_for()
        shown.get_by_label("name").fill("gas")
        shown.get_by_label("digits").fill("5")
        shown.get_by_label("decimal places").fill("2")
        shown.get_by_label("ink").select_option("light")
        shown.get_by_label("unit").fill("m³")
        shown.get_by_label("never falls").check()
        shown.get_by_label("max rise per hour").fill("2.5")
        shown.locator(".field .number", has_text="012.74").wait_for()
        assert shown.locator("#marks text").all_text_contents() == ["gas"]
        shown.get_by_role("button", name="Save").click()
        shown.locator("#condition", has_text="saved to").wait_for()
    (field,) = read_fields(tmp_path / "fields.toml")
    assert (field.name, field.count, field.decimal_places, field.ink, field.unit) == ("gas", 5, 2, "light", "m³")
    assert (field.checks.never_falls, field.checks.max_rise_per_hour, field.checks.length) == (True, 2.5, None)
    assert max(abs(one - other) for one, other in zip(field.region, (64, 84, 290, 72), strict=True)) <= 2


def test_fields_of_the_file_are_moved_added_and_removed(browser: Browser, tmp_path: Path) -> None:
    """Drawing over the chosen field replaces it, drawing elsewhere adds one, and a wrong entry says why."""
    Fields((Field("old", (70, 90, 200, 60), digits=5, ink="light"),)).write(tmp_path / "fields.toml")
    with drawing(tmp_path) as server, opened(browser, server, SIZE) as shown:
        shown.get_by_label("name").focus()
        drag(shown, (64, 84), (354, 156))
        shown.locator(".field .number", has_text="01274").wait_for()
        assert shown.locator(".field").count() == 1
        drag(shown, (400, 250), (500, 300))
        assert shown.locator(".field").count() == 2
        shown.locator(".field").nth(1).locator(".number", has_text="no digit found").wait_for()
        shown.get_by_label("name").nth(1).fill("a b")
        shown.locator(".field[data-state=error] .number", has_text="Expected a name of 1 to 64 letters").wait_for()
        shown.get_by_role("button", name="Remove").nth(1).click()
        assert shown.locator("#marks rect").count() == 1


def test_a_field_is_added_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    """Without a mouse a field is added with a button, and its region is typed."""
    with drawing(tmp_path) as server, opened(browser, server, SIZE) as shown:
        shown.get_by_role("button", name="Add a field").press("Enter")
        shown.keyboard.type("gas")
        shown.keyboard.press("Tab")
        shown.keyboard.press("Control+a")
        shown.keyboard.type("64,84,290,72")
        shown.locator(".field .number", has_text="01274").wait_for()


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_the_page_is_accessible_and_fits_the_screen(
    browser: Browser, tmp_path: Path, serious_faults: Callable[[Page], list[str]], width: int, scheme: str
) -> None:
    """With a field that is read, axe-core finds nothing serious, and nothing is wider than the screen."""
    Fields((Field("gas", (64, 84, 290, 72), digits=5),)).write(tmp_path / "fields.toml")
    with drawing(tmp_path) as server, opened(browser, server, SIZE, width, scheme) as shown:
        shown.locator(".field .number", has_text="01274").wait_for()
        assert serious_faults(shown) == []
        assert shown.evaluate("() => document.documentElement.scrollWidth") == width
