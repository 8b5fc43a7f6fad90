"""A test of the words that people read: documents, docstrings, comments, messages, help, pages and cards."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

# Each on the left says less than what is on the right.
PLAIN = {
    r"(that|which) (is|are) none": "say what it is",
    r"as it must be": "ok",
    r"likewise": "say it again",
    r"lest": "so that … not",
    r"of note": "leave it out",
    r"a must\b": "required",
    r"anew": "again",
    r"of which it speaks": "name it",
    r"besides": "apart from, and",
    r"twins?": "float reference",
    r"(is|are|was|be|been) told(?! apart)": "reported, given",
    r"tells? (a digit|of)": "report",
    r"judged (images?|crops?|digits?|negatives?)": "test images",
    r"(most|least)_[a-z_]+": "max_, min_",
    r"appearances?": "track",
}
BANNED = {expression: re.compile(rf"\b{expression}\b", re.IGNORECASE) for expression in PLAIN}
PAGES = (".css", ".html", ".j2", ".js", ".json", ".toml", ".yml")


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the line numbers and texts of a file that a person reads; of Python, its strings and comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def files(floor: str) -> list[Path]:
    """Returns the files of a floor, or the documents."""
    if floor == "documents":
        return sorted(
            [*ROOT.glob("*.md"), ROOT / "Makefile", *(ROOT / "docs").glob("*.md"), ROOT / "models" / "limits.toml"]
        )
    return sorted(path for path in (ROOT / floor).rglob("*") if path.suffix in {".py", *PAGES})


@pytest.mark.parametrize("floor", ["documents", "device", "converters", "pipeline", "tests", ".github"])
def test_words_are_plain(floor: str) -> None:
    """No text that a person reads has a word for which there is a plainer one."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]!r} ({PLAIN[expression]})"
        for path in files(floor)
        if path != Path(__file__)
        for line, text in prose(path)
        for expression, banned in BANNED.items()
        if (match := banned.search(text))
    ]
    assert found == []
