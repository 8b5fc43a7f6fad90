"""Where a release comes from: a folder, such as a mounted USB stick, or an HTTP server."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

_FOLDER = "folder:///"
_CHUNK_BYTES = 1 << 16
_GAP_S = 30
# For one file: a server that sends a byte now and then must not hold the device.
_FILE_S = 600.0


def fetching(source: str) -> tuple[str, FetcherInterface]:
    """Returns the base address of a source and what fetches from it.

    Raises FileNotFoundError if the source is neither an address nor a folder.
    """
    if source.startswith(("http://", "https://")):
        return source.rstrip("/") + "/", HttpFetcher()
    if not Path(source).is_dir():
        raise FileNotFoundError(f"{source}: Expected a folder or an http(s) address. Found neither")
    return _FOLDER, FolderFetcher(Path(source))


class HttpFetcher(Urllib3Fetcher):  # type: ignore[misc,unused-ignore]  # without the extra it is Any
    """TUF's own; an answer that breaks off, or takes longer than ten minutes, is a DownloadError, too."""

    def __init__(self, file_s: float = _FILE_S) -> None:
        super().__init__(_GAP_S, _CHUNK_BYTES)
        self._file_s = file_s

    def _chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        end_s = time.monotonic() + self._file_s
        try:
            # `read` would wait for a whole chunk, however slowly it comes.
            while chunk := response.read1(_CHUNK_BYTES):
                if time.monotonic() > end_s:
                    raise SlowRetrievalError(f"Expected the whole file within {self._file_s:g} s. Received a part")
                yield chunk
        except HTTPError as error:
            raise DownloadError(f"Expected the whole file. {error}") from error
        finally:
            response.close()


class FolderFetcher(FetcherInterface):  # type: ignore[misc,unused-ignore]  # without the extra it is Any
    """Reads regular files below a folder, and follows no symbolic link there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix(_FOLDER)
        try:
            return _chunks(_open_below(self._folder, name.split("/")))
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{self._folder / name}: Expected a file. Found none", 404) from error
        except OSError as error:
            raise DownloadError(f"{self._folder / name}: Expected a regular file. {error.strerror}") from error


def _chunks(descriptor: int) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _open_below(folder: Path, parts: list[str]) -> int:
    if {"", ".", ".."} & {*parts}:
        raise DownloadError(f"Expected a file below the source. Received: {'/'.join(parts)!r}")
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for part in parts:
        above = opened
        try:
            # Not to wait for a pipe that nobody writes.
            opened = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=above)
        finally:
            os.close(above)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise DownloadError(f"Expected a regular file. Received another: {'/'.join(parts)!r}")
    return opened
