"""Posts readings to a URL as JSON, from a thread of its own with a bounded queue, so that a slow server stops nothing.

Source: RFC 9110, sections 9.3.3 (POST) and 15.5, 15.6 (what a client did wrong, and what a server may do later).
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from ..closing import Closing

_MAX_WAITING = 1_000
_TIMEOUT_S = 10.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 30.0
# How long the end of a source waits for what is still to be sent.
_GOODBYE_S = 10.0
# What a server may accept later: it asks for patience, or has a fault of its own.
_LATER = frozenset({408, 425, 429, *range(500, 600)})

log = logging.getLogger(__name__)


def checked_url(text: str) -> str:
    """Returns a URL to post to; raises ValueError unless it is one of http or https."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError as error:
        raise ValueError(f"Expected a URL, http://… or https://…. {error}") from error
    if not fine:
        raise ValueError(f"Expected a URL, http://… or https://…. Received: {text}")
    return text


class Post(Closing):
    """Sends lines in their order; one that the server cannot take now is sent again, with exponential backoff.

    If more than a thousand wait, the oldest are dropped; how many is logged at the end.
    """

    def __init__(self, url: str) -> None:
        """Takes a URL as `checked_url` returns it."""
        self._url = url
        self._name = f"{urlsplit(url).hostname}"
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_MAX_WAITING + 1)
        self._ended = threading.Event()
        # Each is counted by one thread alone.
        self._dropped = self._refused = self.lost = 0
        self._until_s = float("inf")
        self._thread = threading.Thread(target=self._run, name="post", daemon=True)
        self._thread.start()

    def send(self, line: Mapping[str, Any]) -> None:
        """Puts a line into the queue."""
        if self._waiting.qsize() >= _MAX_WAITING:
            try:
                self._waiting.get_nowait()
            except queue.Empty:  # the thread has just taken it
                pass
            else:
                self._dropped += 1
        self._waiting.put(json.dumps(line).encode())

    def close(self) -> None:
        """Waits up to ten seconds for what is still to be sent, and logs how many lines were not, which are `lost`."""
        if self._ended.is_set():
            return
        self._until_s = time.monotonic() + _GOODBYE_S
        self._ended.set()
        self._waiting.put(None)
        self._thread.join(_GOODBYE_S + _TIMEOUT_S)
        self.lost = self._dropped + self._refused + self._waiting.qsize()
        if self.lost:
            log.error(f"error: {self._name}: {self.lost:,} {'line was' if self.lost == 1 else 'lines were'} not posted")

    def _run(self) -> None:
        while (body := self._waiting.get()) is not None:
            if not self._delivered(body):
                self._refused += 1

    def _delivered(self, body: bytes) -> bool:
        """Posts a line until the server takes it; returns whether it did."""
        pause_s = _FIRST_PAUSE_S
        while True:
            reason, later = self._posted(body)
            if reason is None:
                return True
            now_s = time.monotonic()
            if not later or now_s + pause_s >= self._until_s:
                log.error(f"error: {self._name}: a line was not posted: {reason}")
                return False
            log.warning(f"{self._name}: {reason}; posting again in {pause_s:g} s")
            # When the end comes, what waits is tried at once.
            self._ended.wait(pause_s) if not self._ended.is_set() else time.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)

    def _posted(self, body: bytes) -> tuple[str | None, bool]:
        """Returns why a line was not taken, None if it was, and whether it may be taken later."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310  # checked_url
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310  # checked_url
                return None, False
        except urllib.error.HTTPError as error:
            with error:
                return f"status {error.code}", error.code in _LATER
        except urllib.error.URLError as error:
            return str(error.reason), True
        except (OSError, HTTPException) as error:
            return f"{type(error).__name__} {error}", True
