"""Tests of `python -m device label`: its requests, and the page in a browser without a window."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from device.watch.unsure_crops import UnsureCrops
from tests.conftest import Digits, run_python
from tests.support.served import Response, Served, opened, png, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest_plugins = ("tests.support.browser",)

NAMES = [f"{guess}_20260301T120000_00{guess}.png" for guess in (3, 5, 7)]


@pytest.fixture
def kept(tmp_path: Path, digits: Digits) -> Path:
    """A folder with three crops to sort: a three, a five and a seven."""
    UnsureCrops(tmp_path)
    for name in NAMES:
        assert cv2.imwrite(str(tmp_path / "unsorted" / name), digits[0][30 * int(name[0])])
    return tmp_path


def label(server: Served, name: str, answer: str, kind: str = "application/json") -> Response:
    return server.ask(f"/crops/{name}", "POST", json.dumps(answer).encode(), {"Content-Type": kind})


def sorted_crops(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_each_crop_goes_where_its_answer_says(kept: Path, digits: Digits) -> None:
    """A labelled crop is moved to its folder, a deleted one is gone, and no other file can be reached."""
    (kept / "unsorted" / "notes.txt").write_text("mine")
    with served(kept, command=("label", "--address")) as server:
        assert server.ask("/crops").json == {"crops": NAMES, "labels": [*"0123456789", "none"]}
        assert server.ask(f"/crops/{NAMES[0]}").body == png(digits[0][90])
        assert label(server, NAMES[0], "8").json == {"label": "8"}
        assert label(server, NAMES[1], "none").status == 200
        assert label(server, NAMES[2], "delete").status == 200
        assert label(server, NAMES[0], "8").status == 404
        for name in ("notes.txt", "..%2Fsorted%2F8%2F" + NAMES[0], "%2Fetc%2Fpasswd"):
            assert (server.ask(f"/crops/{name}").status, label(server, name, "delete").status) == (404, 404)
        assert server.ask("/crops").json["crops"] == []
    assert sorted_crops(kept) == [f"sorted/8/{NAMES[0]}", f"sorted/none/{NAMES[1]}"]


def test_another_answer_moves_nothing(kept: Path) -> None:
    """A label that is not one, and a type that other sites may send, are refused."""
    with served(kept, command=("label", "--address")) as server:
        assert "Expected one of ['0', '1'" in label(server, NAMES[0], "../7").json["error"]
        assert label(server, NAMES[0], "7", "text/plain").status == 415
    assert sorted_crops(kept) == [f"unsorted/{name}" for name in NAMES]


def test_a_folder_that_was_not_made_by_watch_is_an_error(tmp_path: Path) -> None:
    """Without `unsorted` in it there is nothing to label."""
    child = run_python("-m", "device", "label", str(tmp_path))
    assert child.returncode == 2
    assert "Expected a folder that watch --keep-unsure made. Found no unsorted in it" in child.stderr


def test_crops_are_labelled_by_keys_and_buttons(
    browser: Browser, kept: Path, serious_faults: Callable[[Page], list[str]]
) -> None:
    """A key or a button labels the crop that is shown, and the next one comes, until all are sorted."""
    with served(kept, command=("label", "--address")) as server, opened(browser, server, "3 left") as shown:
        assert shown.locator(".likely").all_inner_texts() == ["3"]
        assert serious_faults(shown) == []
        shown.keyboard.press("9")
        shown.locator("#condition", has_text="2 left").wait_for()
        shown.get_by_role("button", name="not a digit").click()
        shown.locator("#condition", has_text="1 left").wait_for()
        shown.keyboard.press("Delete")
        shown.locator("#condition", has_text="all are sorted").wait_for()
        assert shown.get_by_role("button", name="9").is_disabled()
    assert sorted_crops(kept) == [f"sorted/9/{NAMES[0]}", f"sorted/none/{NAMES[1]}"]
