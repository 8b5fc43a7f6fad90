"""Take the documentation's pictures of the pages: `python -m tests.support.pictures [FOLDER]`, or `make pictures`.

The report must be there already (`python -m pipeline report rows2d`). A page's clock is stopped and moved by hand, so
that the pictures come out the same on every machine.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

from pipeline.data.mnist import embedded_splits
from pipeline.folders import PAGES
from tests.support.browser import installed, launched
from tests.support.checkout import ROOT
from tests.support.drawings import STROKES
from tests.support.scenes import Image as Frame
from tests.support.scenes import Stream, blank, serving, write
from tests.support.served import draw, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_TICK_MS = 15
_LINE_MS = 45
_HOLD_MS = 1_500
_COLOURS = 128


def main() -> None:
    """Writes `report.png`, `page.png`, `live.png` and `reading.gif`."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.pictures")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build" / "pictures")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launched(playwright, installed())
        with stopped(browser, (PAGES / "rows2d.html").absolute().as_uri(), "main", 1200, 900) as page:
            page.screenshot(path=folder / "report.png")
        with served() as server:
            with stopped(browser, server.url, ".bar", 1200, 780) as page:
                draw(page, STROKES["2"])
                until(page, 11)
                page.screenshot(path=folder / "page.png")
            with stopped(browser, server.url, ".bar", 1000, 780) as page:
                draw(page, STROKES["2"])
                animate(page, folder / "reading.gif")
        with (
            serving(Stream([desk()])) as port,
            served("--source", f"http://127.0.0.1:{port}/") as server,
            stopped(browser, server.url, ".bar", 1440, 680) as page,
        ):
            until(page, 15)
            page.screenshot(path=folder / "live.png")
        browser.close()


@contextmanager
def stopped(browser: Browser, url: str, shown: str, width: int, height: int) -> Iterator[Page]:
    """Opens a page, waits until it shows something, and stops its clock."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark")
    page = context.new_page()
    page.clock.install()
    page.goto(url)
    page.locator(shown).last.wait_for()
    page.clock.pause_at(page.evaluate("() => Date.now()") + 1_000)
    yield page
    context.close()


def until(page: Page, lines: int) -> None:
    """Moves the clock on until so many lines have been read."""
    remark = page.locator(".answer .remark")
    while remark.inner_text() != f"{lines} of 28 rows":
        page.clock.run_for(_TICK_MS)
    # The bars' animation follows the browser's own clock.
    page.wait_for_timeout(300)


def animate(page: Page, path: Path) -> None:
    """Writes a GIF of a reading, with a frame for every other line; the last one stays longer."""
    shots = []
    for lines in range(2, 28, 2):
        until(page, lines)
        shots.append(small(page))
    page.clock.run_for(10 * _LINE_MS)
    page.locator(".answer.done").wait_for()
    page.wait_for_timeout(300)
    shots.append(small(page))
    palette = shots[-1].quantize(_COLOURS)
    frames = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in shots]
    durations = [2 * _LINE_MS * 2] * (len(frames) - 1) + [_HOLD_MS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)


def small(page: Page) -> Image.Image:
    """Returns a picture of the reading."""
    return Image.open(io.BytesIO(page.locator("#reading").screenshot())).convert("RGB")


def desk() -> Frame:
    """Returns a sheet of paper with four digits, as a camera would show it."""
    crops = embedded_splits().test.crops[::15]
    image = blank(1280, 720)
    for place, digit in enumerate((4, 7, 2, 0)):
        write(image, crops[30 * digit + 3], 120 + 270 * place, 270 + 40 * (place % 2), 170)
    return image


if __name__ == "__main__":
    main()
