"""Tests of the pages in a browser without a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from tests.conftest import Digits
from tests.support.scenes import Stream, page, serving
from tests.support.served import Served, draw, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest_plugins = ("tests.support.browser",)

PATIENCE_MS = 60_000
# Strokes in shares of the sheet's sides.
ONE = [(0.52, 0.2), (0.48, 0.8)]
SEVEN = [(0.3, 0.22), (0.7, 0.22), (0.45, 0.8)]
ZERO = [
    (0.5, 0.2),
    (0.36, 0.28),
    (0.3, 0.5),
    (0.36, 0.72),
    (0.5, 0.8),
    (0.64, 0.72),
    (0.7, 0.5),
    (0.64, 0.28),
    (0.5, 0.2),
]


@pytest.fixture(scope="module")
def canvas() -> Iterator[Served]:
    """A server without a source."""
    with served() as server:
        yield server


@contextmanager
def opened(browser: Browser, url: str, width: int = 1440, scheme: str = "light") -> Iterator[Page]:
    """A page in a context of its own; at the end it must have had no error, and asked nobody else for anything."""
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(PATIENCE_MS)
    shown = context.new_page()
    faults: list[str] = []
    asked: list[str] = []
    shown.on("pageerror", lambda error: faults.append(str(error)))
    shown.on("console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None)
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(url)
    shown.locator(".bar").last.wait_for()
    yield shown
    assert faults == []
    assert [address for address in asked if not address.startswith(url.partition("?")[0])] == []
    context.close()


def answer(shown: Page) -> str:
    """What a screen reader says once a digit has been read."""
    shown.locator(".answer.done").wait_for()
    return shown.locator("[role=status]").inner_text()


@pytest.mark.sampled
@pytest.mark.parametrize(("stroke", "label"), [(ONE, "1"), (ZERO, "0"), (SEVEN, "7")], ids=["1", "0", "7"])
def test_a_digit_drawn_with_the_mouse_is_read(
    browser: Browser, canvas: Served, stroke: Sequence[tuple[float, float]], label: str
) -> None:
    with opened(browser, canvas.url) as shown:
        draw(shown, stroke)
        assert answer(shown).startswith(f"{label}, ")
        assert shown.locator(".answer .label").inner_text() == label
        assert shown.locator(".bar.top b").all_inner_texts() == [label]
        shown.get_by_text("Prediction after each step").click()
        rows = [row.split("\t") for row in shown.locator("tbody tr").all_inner_texts()]
        assert [lines for lines, _, _ in rows] == ["4", "8", "12", "16", "20", "24", "28"]
        assert rows[-1][1] == label


def test_a_digit_drawn_by_keyboard_is_read(browser: Browser, canvas: Served) -> None:
    with opened(browser, canvas.url) as shown:
        shown.keyboard.press("Tab")
        shown.keyboard.press("Tab")
        assert shown.evaluate("() => document.activeElement.id") == "sheet"
        shown.keyboard.press("Space")
        for _ in range(20):
            shown.keyboard.press("ArrowDown")
        shown.keyboard.press("Space")
        assert answer(shown).startswith("1, ")
        shown.keyboard.press("Delete")
        assert shown.locator(".answer .remark").inner_text() == "Nothing drawn yet"


def test_a_picture_that_is_chosen_is_read(browser: Browser, canvas: Served, tmp_path: Path, digits: Digits) -> None:
    for name in ("photo.png", "photo.jpg", "crop.png"):
        image = digits[0][120] if name == "crop.png" else page(digits, (4,), 170, 160)
        assert cv2.imwrite(str(tmp_path / name), image)
        with opened(browser, canvas.url) as shown:
            shown.locator("#file").set_input_files(tmp_path / name)
            assert answer(shown).startswith("4, ")


def test_a_file_that_is_not_an_image_gives_a_message(browser: Browser, canvas: Served, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no picture")
    with opened(browser, canvas.url) as shown:
        shown.locator("#file").set_input_files(tmp_path / "note.png")
        shown.locator("[role=status]", has_text="The browser cannot open this file as an image").wait_for()


def test_the_live_page_follows_its_source(browser: Browser, digits: Digits) -> None:
    images = [page(digits, (3,))]
    stream = Stream(images)
    with serving(stream) as port, served("--source", f"http://127.0.0.1:{port}/") as server:
        with opened(browser, server.url) as shown:
            assert answer(shown).startswith("3, ")
            assert shown.locator("#condition").inner_text() == "live"
            assert shown.locator("#marks rect").count() == 1
            images[0] = page(digits, (4, 7))
            shown.locator("[role=status]", has_text="7, ").wait_for()
            assert shown.locator("#marks rect").count() == 2
            before = int(shown.locator("#frames").inner_text().replace(",", ""))
            shown.locator("#frames", has_not_text=f"{before:,}").wait_for()
            stream.still.set()
            shown.locator("#condition", has_text="no new frame").wait_for()
        assert server.ended()[0] == 0


def test_a_token_in_the_address_opens_the_page_and_leaves_the_address(browser: Browser) -> None:
    with served("--token", "secret") as server, opened(browser, f"{server.url}?token=secret") as shown:
        assert shown.evaluate("() => location.search") == ""
        draw(shown, ONE)
        assert answer(shown).startswith("1, ")


@pytest.mark.sampled
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_the_drawing_page_is_accessible_and_fits_the_screen(
    browser: Browser, canvas: Served, serious_faults: Callable[[Page], list[str]], width: int, scheme: str
) -> None:
    with opened(browser, canvas.url, width, scheme) as shown:
        draw(shown, SEVEN)
        answer(shown)
        assert serious_faults(shown) == []
        assert shown.evaluate("() => document.documentElement.scrollWidth") == width


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_the_live_page_is_accessible_and_fits_the_screen(  # noqa: PLR0913, PLR0917  # fixtures
    browser: Browser,
    tmp_path: Path,
    digits: Digits,
    serious_faults: Callable[[Page], list[str]],
    width: int,
    scheme: str,
) -> None:
    assert cv2.imwrite(str(tmp_path / "photo.png"), page(digits, (3, 1, 4)))
    with served("--source", tmp_path / "photo.png") as server, opened(browser, server.url, width, scheme) as shown:
        answer(shown)
        assert shown.locator("#condition").inner_text() == "ended"
        assert serious_faults(shown) == []
        assert shown.evaluate("() => document.documentElement.scrollWidth") == width
