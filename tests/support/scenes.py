"""What sources show in tests: handwritten digits drawn on paper, as images, videos and an HTTP stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tests.conftest import Digits

Image = npt.NDArray[np.uint8]

PAPER, INK = (225, 235, 240), (110, 40, 30)
DIGIT_PX = 90


def blank(width: int = 640, height: int = 240) -> Image:
    """A sheet of paper."""
    return np.full((height, width, 3), PAPER, np.uint8)


def page(digits: Digits, shown: Sequence[int], width: int = 640, height: int = 240) -> Image:
    """A sheet with digits side by side, 150 pixels apart, written in dark ink."""
    image = blank(width, height)
    for place, digit in enumerate(shown):
        crop = digits[0][30 * digit]
        write(image, crop, 40 + 150 * place, (height - DIGIT_PX) // 2)
    return image


def write(image: Image, crop: Image, x: int, y: int, side: int = DIGIT_PX) -> None:
    """Writes a digit into an image, the crop's corner at x and y."""
    strength = cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)[..., np.newaxis] / np.float32(255)
    part = image[y : y + side, x : x + side]
    part[:] = np.rint(part * (1 - strength) + np.array(INK, np.float32) * strength).astype(np.uint8)


def write_video(path: Path, frames: Sequence[Image], rate_hz: float = 30) -> None:
    """Writes an .mp4 or .avi file."""
    codec = cv2.VideoWriter.fourcc(*("mp4v" if path.suffix == ".mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), codec, rate_hz, (frames[0].shape[1], frames[0].shape[0]))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()


@dataclass
class Stream:
    """What a server sends: JPEG frames, twenty-five milliseconds apart, one after another over and over.

    It hangs up after `frames` of them, where that is given; with `still` it sends nothing and does not hang up.
    """

    images: Sequence[Image]
    frames: int | None = None
    still: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def parts(self) -> Iterator[bytes]:
        sent = 0
        while not self.over.wait(0.025) and (self.frames is None or sent < self.frames):
            if self.still.is_set():
                continue
            jpeg = cv2.imencode(".jpg", self.images[sent % len(self.images)])[1].tobytes()
            sent += 1
            yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)


@contextmanager
def serving(stream: Stream, port: int = 0) -> Iterator[int]:
    """Serves a stream as motion JPEG on this machine; gives the port, and hangs up at the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for part in stream.parts():
                    self.wfile.write(part)
            except ConnectionError:
                return

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            stream.over.set()
            server.shutdown()
            thread.join()
