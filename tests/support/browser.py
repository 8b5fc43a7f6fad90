"""A browser without a window, for tests of what people look at: `pytest_plugins = ("tests.support.browser",)`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

_ARGUMENTS = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking")
# On a machine that does much else a browser takes its time to start.
_TIMEOUT_MS = 180_000


def installed() -> str | None:
    """Returns where Chromium is; None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def launched(playwright: Playwright, chromium: str | None) -> Browser:
    """Returns Chromium at work, to be closed."""
    return playwright.chromium.launch(
        executable_path=chromium, args=[*_ARGUMENTS], timeout=_TIMEOUT_MS, chromium_sandbox=False
    )


# Not for the session: playwright keeps an event loop running, and tests of other modules start one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, where it and playwright are installed."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  # it may be missing
    except ImportError:
        _missing("playwright is not installed")
    chromium = installed()
    if chromium is None:
        _missing("Chromium is not installed")
    with sync_playwright() as playwright:
        started = launched(playwright, chromium)
        yield started
        started.close()


@pytest.fixture(scope="session")
def serious_faults() -> Callable[[Page], list[str]]:
    """Returns the names of the rules of axe-core that a page breaks, where that is serious or critical."""
    try:
        from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # it may be missing
    except ImportError:
        _missing("axe-playwright-python is not installed")

    def found(page: Page) -> list[str]:
        violations = Axe().run(page).response["violations"]
        return [each["id"] for each in violations if each["impact"] in {"serious", "critical"}]

    return found


def _missing(reason: str) -> NoReturn:
    if os.environ.get("ROWSTREAM_REQUIRE_BROWSER"):
        pytest.fail(f"{reason}, though ROWSTREAM_REQUIRE_BROWSER demands it")
    pytest.skip(reason)
