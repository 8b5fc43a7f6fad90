"""Tests of the report's pages in a browser: complete on narrow and wide screens, and accessible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from pipeline.report.page import Entry, index_page, model_page
from tests.support.measured import JUDGED, MEASURED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest_plugins = ("tests.support.browser",)

LONG = "a_tensor_with_a_name_that_has_no_place_to_break/" * 6
PAGES = {
    "model": lambda: model_page("conv1d", JUDGED),
    "long names": lambda: model_page(
        LONG,
        replace(
            JUDGED,
            model=LONG,
            measurements=replace(
                MEASURED,
                names=(LONG, "two", "three"),
                labels=(LONG, "two", "three"),
                classes=(replace(MEASURED.classes[0], label=LONG), *MEASURED.classes[1:]),
                tensors=tuple(replace(each, name=LONG) for each in MEASURED.tensors),
                disagreements=(replace(MEASURED.disagreements[0], shown=LONG, int8_answer=LONG),),
            ),
        ),
    ),
    "refused early": lambda: model_page("conv1d", replace(JUDGED, measurements=None)),
    "index": lambda: index_page((Entry("conv1d", JUDGED, page="conv1d.html"), Entry("rows", None, "not judged yet"))),
}
FIGURES = {"model": 9, "long names": 9, "refused early": 0, "index": 2}
Scheme = Literal["light", "dark"]

# A figure's box, those of its texts, and how many shapes it has, in pixels of the window.
MEASURE = """() => {
  const box = (each) => { const b = each.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
  return [...document.querySelectorAll("figure svg")].map((svg) => ({
    box: box(svg),
    texts: [...svg.querySelectorAll("text")].map(box),
    shapes: [...svg.querySelectorAll("path, rect, polyline, circle")]
      .map(box).filter(([l, t, r, b]) => r - l + b - t > 1).length,
  }));
}"""


@contextmanager
def opened(browser: Browser, path: Path, width: int, scheme: Scheme = "light") -> Iterator[Page]:
    """Opens a page from disk; a request or an error message fails the test."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(180_000)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    yield page
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert complaints == []
    page.close()


@pytest.fixture(scope="module")
def page_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    paths = {name: folder / f"{name.replace(' ', '-')}.html" for name in PAGES}
    for name, path in paths.items():
        path.write_text(PAGES[name](), encoding="utf-8")
    return paths


@pytest.mark.sampled
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_every_figure_is_drawn_whole(browser: Browser, page_files: dict[str, Path], name: str, width: int) -> None:
    with opened(browser, page_files[name], width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        figures = page.evaluate(MEASURE)
        assert len(figures) == FIGURES[name]
        for figure in figures:
            left, top, right, bottom = figure["box"]
            assert 0 <= left < left + 250 < right <= width
            assert bottom - top > 100
            assert figure["shapes"] > 3
            assert len(figure["texts"]) > 5
            for text in figure["texts"]:
                assert left - 1 <= text[0] < text[2] <= right + 1
                assert top - 1 <= text[1] < text[3] <= bottom + 1


def test_pictures_are_shown(browser: Browser, page_files: dict[str, Path]) -> None:
    with opened(browser, page_files["model"], 390) as page:
        sizes = page.evaluate("[...document.images].map((image) => [image.naturalWidth, image.naturalHeight])")
        assert sizes == [[28, 28]] * 3


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_follows_the_colour_scheme(browser: Browser, page_files: dict[str, Path], scheme: Scheme, dark: bool) -> None:
    """The page's ground and the figures' texts change with the scheme, and stand out from each other."""
    brightness = "(colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, each) => sum + Number(each), 0) / 3"
    text_fill = "getComputedStyle(document.querySelector('svg text')).fill"
    read = f"[getComputedStyle(document.body).backgroundColor, {text_fill}].map({brightness})"
    with opened(browser, page_files["model"], 390, scheme) as page:
        ground, text = page.evaluate(read)
    assert (ground < text) == dark
    assert abs(ground - text) > 100


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["model", "index"])
def test_axe_finds_no_serious_fault(
    browser: Browser,
    serious_faults: Callable[[Page], list[str]],
    page_files: dict[str, Path],
    name: str,
    scheme: Scheme,
) -> None:
    with opened(browser, page_files[name], 390, scheme) as page:
        assert serious_faults(page) == []
