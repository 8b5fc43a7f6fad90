"""Tests of the report's pages as texts: their contents, and that names in them can do no harm."""

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
from tests.support.measured import JUDGED, MEASURED, NOT_STREAMED

FIGURES = (
    "recall", "confusion-float", "confusion-int8", "confusion-change", "reliability-float", "reliability-int8", "snr",
    "reading", "latency",
)  # fmt: skip
HOSTILE = "</code></title><script>alert('$x$')</script>\"&"


class Page(HTMLParser):
    """A parsed page: its tags with their attributes, and the text."""

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


def text_of(page: str) -> str:
    """Returns a page's text in one line, with hyphens for minus signs."""
    return " ".join(Page(page).text.split()).replace("\N{MINUS SIGN}", "-")


def judged(**changed: Any) -> Judgement:
    return replace(JUDGED, measurements=replace(MEASURED, **changed))


def test_a_page_has_every_figure_with_its_alternative(page: str) -> None:
    parsed = Page(page)
    figures = [attributes for tag, attributes in parsed.tags if tag == "svg"]
    assert [figure["role"] for figure in figures] == ["img"] * len(FIGURES)
    assert [figure["aria-labelledby"] for figure in figures] == [f"{name}-title {name}-desc" for name in FIGURES]
    assert "2 of 12 images are misclassified. The most frequent mistake is one for two: 2 times." in parsed.text
    assert "The worst, logits, has 10.0 dB, the best 30.0 dB." in parsed.text


def test_a_page_has_the_figures(page: str) -> None:
    text = text_of(page)
    for words in (
        "Evaluated on 12 images (the digits), 2026-11-28 05:30 UTC. Accuracy is 83.33 % in int8 and 91.67 % in float;",
        "Only float is correct on 1 image, only int8 on 0: accuracy changes by -8.33 percentage points (95 % CI -27.50",
        "float accuracy 91.67 %",
        "on the gate machine: median 0.150 ms, p99 0.300 ms.",
        "Reliability diagram, float Expected calibration error 11.67 pp.",
        "Reliability diagram, int8 Expected calibration error 8.33 pp.",
        "drop accuracy 8.33 pp is not ≤ 0.50 pp",
        "training · views · scale 0.12",
        "FULLY_CONNECTED 4",
        "512: the training digits",
    ):
        assert words in text


def test_a_page_names_limits_that_refuse_nothing(page: str) -> None:
    lax = text_of(model_page("conv1d", replace(JUDGED, lax_limits=("images_min = 0", "recall_drop_pp_max = 100"))))
    assert "These limits refuse nothing: images_min = 0, recall_drop_pp_max = 100." in lax
    assert "refuse nothing" not in text_of(page)


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


def test_markup_in_names_stays_text() -> None:
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


def test_early_exit_is_drawn_as_the_gate_measured_it(page: str, index: str) -> None:
    """Where a refused manifest states 90 % after four rows and an exit after 7.0, the pages show what was measured."""
    text = text_of(page)
    assert "Early exit stops at a probability of 0.9900 and costs 0.08 pp." in text
    assert "Accuracy is 25.0 % after 4 rows, 83.33 % after 16. Early exit reads 17.5 rows on average" in text
    assert "early exit reads 17.5of 28" in text
    assert "conv1d 50.0 % after 8 lines, 83.33 % at the end." in text_of(index)
    assert "17.5" in text_of(index)
    assert " 7.0" not in text + text_of(index)


def test_a_model_that_was_refused_early_has_its_reason_alone() -> None:
    early = replace(JUDGED, measurements=None)
    page = Page(model_page("conv1d", early))
    assert page.count("svg") == 0
    assert "The gate stopped before anything was measured." in page.text
    assert "8.33 pp is not ≤ 0.50 pp" in page.text


@pytest.mark.parametrize(
    ("judgement", "missing", "words"),
    [
        pytest.param(judged(tensors=()), "snr", "there is no float reference to compare with", id="no tensors"),
        pytest.param(judged(**NOT_STREAMED), "reading", "The file does not stream", id="no steps"),
    ],
)
def test_a_page_names_what_was_not_measured(judgement: Judgement, missing: str, words: str) -> None:
    page = Page(model_page("conv1d", judgement))
    assert [attributes["id"] for tag, attributes in page.tags if tag == "figure"] == [
        name for name in FIGURES if name != missing
    ]
    assert words in " ".join(page.text.split())


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        pytest.param(
            (TensorSignal("a", 0, 1.0, 0.0), TensorSignal("b", 1, 0.0, 0.0)), "2 of them not drawn", id="all are exact"
        ),
        pytest.param((TensorSignal("a", 0, 0.0, 1.0),), "1 of them not drawn", id="nothing is left"),
        pytest.param((TensorSignal("a", 0, 2.0, 1.0),), "has 3.0 dB, the best 3.0 dB", id="one tensor"),
        pytest.param((TensorSignal("a", 0, 1e-300, 1e300),), "has -6000.0 dB", id="the least there is"),
    ],
)
def test_unusual_signals_are_drawn(tensors: tuple[TensorSignal, ...], words: str) -> None:
    assert words in signal_to_noise(tensors).description


def test_one_bin_and_slow_answers_are_drawn() -> None:
    one_bin = replace(MEASURED.float, bins=MEASURED.float.bins[:1])
    assert "error is 25.00 percentage points" in reliability(one_bin, "float").description
    slow = Latency((5.0, 5.000001, 6.0), (1, 0), 11, 5.0, 6.0)
    assert latency(slow).description == "Median 5 ms, p99 6 ms. 11 slower images are not drawn."


def test_a_page_without_mistakes_says_so() -> None:
    text = " ".join(Page(model_page("conv1d", judged(disagreements=(), mistakes=()))).text.split())
    assert "On no image." in text
    assert "No mistakes." in text


def test_more_images_than_pictures_are_counted() -> None:
    many = (*MEASURED.disagreements, *[replace(MEASURED.disagreements[0], png="")] * 1_233)
    page = Page(model_page("conv1d", judged(disagreements=many)))
    assert "1,234 images, the first 1 shown" in " ".join(page.text.split())
    assert page.count("img") == 3


def test_the_index_lists_missing_models_and_links_the_others() -> None:
    entries = (
        Entry("rows2d", JUDGED, page="rows2d.html"),
        Entry("cols2d", None, missing="not judged yet"),
        Entry("conv1d", replace(JUDGED, measurements=None)),
    )
    page = Page(index_page(entries))
    text = " ".join(page.text.split())
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == ["#content", "rows2d.html"]
    assert "cols2d: not judged yet" in text
    assert "conv1d ✕ refused not measured 1.2.3 12, the digits; 2026-11-28 05:30 UTC" in text
    assert "In percentage points: rows2d -8.33." in text


def test_the_same_measurements_give_the_same_page(page: str) -> None:
    assert model_page("conv1d", JUDGED) == page
