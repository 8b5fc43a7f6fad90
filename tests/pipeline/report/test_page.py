"""Tests of the report's pages as texts: what they hold, and that nothing in them can do harm."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from pipeline.gate.check import Check, Verdict
from pipeline.gate.judgement import Judgement, StageResult
from pipeline.gate.record import Example, Latency, TensorSignal
from pipeline.report.figures import latency, reliability, signal_to_noise
from pipeline.report.page import Entry, index_page, model_page
from tests.support.measured import JUDGED, MEASURED

FIGURES = (
    "recall", "confusion-float", "confusion-int8", "confusion-change", "reliability-float", "reliability-int8", "snr",
    "reading", "latency",
)  # fmt: skip
HOSTILE = "</code></title><script>alert('$x$')</script>\"&"


class Page(HTMLParser):
    """What is in a page: its tags with their attributes, headings' levels, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.tags)


@pytest.fixture(scope="module")
def page() -> str:
    return model_page("conv1d", JUDGED)


@pytest.fixture(scope="module")
def index() -> str:
    return index_page((Entry("conv1d", JUDGED),))


def spoken(page: str) -> str:
    """A page's text in one line, with hyphens for minus signs."""
    return " ".join(Page(page).text.split()).replace("\N{MINUS SIGN}", "-")


def judged(**changed: Any) -> Judgement:
    return replace(JUDGED, measurements=replace(MEASURED, **changed))


def test_a_page_has_every_figure_with_its_alternative(page: str) -> None:
    parsed = Page(page)
    figures = [attributes for tag, attributes in parsed.tags if tag == "svg"]
    assert [figure["role"] for figure in figures] == ["img"] * len(FIGURES)
    assert [figure["aria-labelledby"] for figure in figures] == [f"{name}-title {name}-desc" for name in FIGURES]
    assert "Of 12 images 2 are taken for another class. Most often two is taken for one: 2 times." in parsed.text
    assert "The worst, logits, keeps 10.0 dB, the best 30.0 dB." in parsed.text


def test_a_page_says_what_was_measured(page: str) -> None:
    text = spoken(page)
    for words in (
        "Judged on 12 images: the digits. Of these int8 reads 83.33 % right and float 91.67 %; they disagree on 1.",
        "Int8 loses 1 image that float reads right, and wins 0: a change of -8.33 percentage points,",
        "with 95 % confidence between -27.50 and +13.25.",
        "Reliability diagram, float Off by 11.67 points on average.",
        "Reliability diagram, int8 Off by 8.33 points on average.",
        "drop accuracy 8.33 pp is not ≤ 0.50 pp",
        "training · views · scale 0.12",
        "FULLY_CONNECTED 4",
        "512: the training digits",
    ):
        assert words in text


def test_identifiers_are_alone_on_their_page(page: str) -> None:
    identifiers = [attributes["id"] for _, attributes in Page(page).tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    links = re.findall(r"(?:url\(|href=\")#([^\")]+)", page)
    assert set(links) <= set(identifiers)


@pytest.mark.parametrize("name", ["page", "index"])
def test_a_page_needs_nothing_but_itself(name: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(name)
    parsed = Page(page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "iframe", "object", "embed", "base", "form"}
    sources = [attributes.get("src") or attributes.get("xlink:href") or "" for _, attributes in parsed.tags]
    assert all(source.startswith(("data:", "#")) for source in sources if source)
    assert "url(http" not in page
    assert "@import" not in page


@pytest.mark.parametrize("name", ["page", "index"])
def test_headings_skip_no_level(name: str, request: pytest.FixtureRequest) -> None:
    levels = [int(tag[1]) for tag, _ in Page(request.getfixturevalue(name)).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_whatever_a_text_holds_stays_text() -> None:
    hostile = replace(
        JUDGED,
        source=HOSTILE,
        stages=(StageResult(HOSTILE, (Check(HOSTILE, HOSTILE, HOSTILE, Verdict.REFUSED, HOSTILE),)),),
        measurements=replace(
            MEASURED,
            names=(HOSTILE, "two", "three"),
            labels=(HOSTILE, "two", "three"),
            classes=(replace(MEASURED.classes[0], label=HOSTILE), *MEASURED.classes[1:]),
            tensors=(TensorSignal(HOSTILE, 0, 10.0, 1.0),),
            disagreements=(Example(1, HOSTILE, HOSTILE, 0.5, HOSTILE, 0.5, MEASURED.mistakes[0].png),),
        ),
    )
    for page in (model_page(HOSTILE, hostile), index_page((Entry(HOSTILE, hostile, page="a b.html"),))):
        parsed = Page(page)
        assert parsed.count("script") == 0
        assert "alert(&#39;$x$&#39;)" in page
        assert all("alert" not in name for _, attributes in parsed.tags for name in attributes)


def test_a_model_that_was_refused_early_has_its_reason_alone() -> None:
    early = replace(JUDGED, measurements=None)
    page = Page(model_page("conv1d", early))
    assert page.count("svg") == 0
    assert "Judging ended before anything could be measured." in page.text
    assert "8.33 pp is not ≤ 0.50 pp" in page.text


@pytest.mark.parametrize(
    ("judgement", "missing", "words"),
    [
        pytest.param(judged(tensors=()), "snr", "there is no float twin to compare with", id="no tensors"),
        pytest.param(judged(early_exit=None), "reading", "The file does not stream", id="no steps"),
    ],
)
def test_what_was_not_measured_is_said(judgement: Judgement, missing: str, words: str) -> None:
    page = Page(model_page("conv1d", judgement))
    assert [attributes["id"] for tag, attributes in page.tags if tag == "figure"] == [
        name for name in FIGURES if name != missing
    ]
    assert words in " ".join(page.text.split())


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        pytest.param(
            (TensorSignal("a", 0, 1.0, 0.0), TensorSignal("b", 1, 0.0, 0.0)), "Not drawn are 2", id="all are exact"
        ),
        pytest.param((TensorSignal("a", 0, 0.0, 1.0),), "Not drawn are 1", id="nothing is left"),
        pytest.param((TensorSignal("a", 0, 2.0, 1.0),), "keeps 3.0 dB, the best 3.0 dB", id="one tensor"),
        pytest.param((TensorSignal("a", 0, 1e-300, 1e300),), "keeps -6000.0 dB", id="the least there is"),
    ],
)
def test_unusual_signals_are_drawn(tensors: tuple[TensorSignal, ...], words: str) -> None:
    assert words in signal_to_noise(tensors).description


def test_one_bin_and_slow_answers_are_drawn() -> None:
    one_bin = replace(MEASURED.float, bins=MEASURED.float.bins[:1])
    assert "error is 25.00 points" in reliability(one_bin, "float").description
    slow = Latency((5.0, 5.000001, 6.0), (1, 0), 11, 5.0, 6.0)
    assert latency(slow).description.startswith("Half of the images take 5 ms at most, 99 % take 6 ms at most. 11 took")


def test_no_mistakes_are_said() -> None:
    text = " ".join(Page(model_page("conv1d", judged(disagreements=(), mistakes=()))).text.split())
    assert "On none of the images." in text
    assert "It makes none." in text


def test_more_images_than_pictures_are_counted() -> None:
    many = (*MEASURED.disagreements, *[replace(MEASURED.disagreements[0], png="")] * 1_233)
    page = Page(model_page("conv1d", judged(disagreements=many)))
    assert "1,234 images, the first 1 of them here" in " ".join(page.text.split())
    assert page.count("img") == 3


def test_the_index_says_what_is_missing_and_links_what_is_there() -> None:
    entries = (
        Entry("rows2d", JUDGED, page="rows2d.html"),
        Entry("cols2d", None, missing="not judged yet"),
        Entry("conv1d", replace(JUDGED, measurements=None)),
    )
    page = Page(index_page(entries))
    text = " ".join(page.text.split())
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == ["#content", "rows2d.html"]
    assert "cols2d: not judged yet" in text
    assert "conv1d ✕ refused nothing was measured 12, the digits" in text
    assert "In percentage points, with 95 % intervals: rows2d -8.33." in text


def test_the_same_measurements_give_the_same_page(page: str) -> None:
    assert model_page("conv1d", JUDGED) == page
