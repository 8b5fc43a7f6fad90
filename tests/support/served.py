"""A page that is served, for tests: the command in a child process, and requests to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cv2
import jsonschema
import numpy as np
import numpy.typing as npt

from device.web.openapi import description
from tests.conftest import MODELS, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE_S = 60
PAGE = ROOT / "device" / "web" / "page"
RAW = "application/octet-stream"


@dataclass(frozen=True)
class Response:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running command that serves a page."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        with closing(self.connection()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Response(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def classify(self, body: bytes, kind: str = "image/png") -> Response:
        return self.ask("/classify", "POST", body, {"Content-Type": kind})

    def states(self) -> Iterator[dict[str, Any]]:
        """The states of a watched source as they come."""
        with closing(self.connection()) as connection:
            connection.request("GET", "/events")
            for line in connection.getresponse():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))

    def ended(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """The exit status after a signal, and what was on stderr."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S), self.log.read_text()

    def resident_kb(self) -> int:
        """How much memory the server holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


@contextmanager
def served(
    *arguments: str | Path,
    address: str = "0",
    model: Path | None = MODELS / "rows2d",
    command: Sequence[str] = ("serve",),
) -> Iterator[Served]:
    """Starts the command, or another that takes the address last; kills it at the end, should it still be there."""
    chosen = [] if model is None else ["--model", model]
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    started = [sys.executable, "-m", "device", *command, address, *chosen, *arguments]
    # A file, since a pipe that nobody reads fills up with what OpenCV says of broken pictures, and the server waits.
    with (
        tempfile.NamedTemporaryFile() as stderr,
        subprocess.Popen([*map(str, started)], cwd=ROOT, env=kept, stdout=subprocess.DEVNULL, stderr=stderr) as process,
    ):
        try:
            log = Path(stderr.name)
            yield Served(process, log, int(urlsplit(_url(process, log)).port or 0))
        finally:
            process.kill()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Waits until the command says where it serves."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        said = [line for line in log.read_text().splitlines(keepends=True) if line.startswith("serving on http://")]
        if said and said[0].endswith("\n"):
            return said[0].split()[-1]
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """The image as a PNG file."""
    return bytes(cv2.imencode(".png", image)[1])


def keeps(name: str, value: object) -> None:
    """Checks a value against a schema of the OpenAPI description."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": description("")["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def draw(page: Page, stroke: Sequence[tuple[float, float]]) -> None:
    """Draws a stroke on the page's sheet with the mouse, through points in shares of its width and height."""
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    points = [(sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"]) for x, y in stroke]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


@contextmanager
def opened(browser: Browser, server: Served, says: str, width: int = 1440, scheme: str = "light") -> Iterator[Page]:
    """A page in a context of its own, once its condition says that it is ready; it must have no error to the end."""
    dark = scheme == "dark"
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    context.set_default_timeout(1e3 * PATIENCE_S)
    shown = context.new_page()
    faults: list[str] = []
    shown.on("pageerror", lambda error: faults.append(str(error)))
    shown.on("console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None)
    shown.goto(server.url)
    shown.locator("#condition", has_text=says).wait_for()
    yield shown
    assert faults == []
    context.close()
