"""Tests of `python -m device serve`: how it starts and ends, and what it shows of a source."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

from device.advice import pip_install
from device.contract.manifest import read_manifest
from tests.conftest import MODELS, ROOT, Digits, run_python
from tests.support.meters import counter, on_wall
from tests.support.scenes import Stream, page, serving
from tests.support.served import PAGE, RAW, keeps, served


def test_a_token_is_asked_of_every_request() -> None:
    with served("--token", "se-cret_1.~") as server:
        for path in ("/", "/draw.js", "/model", "/openapi.json", "/classify", "/nosuch"):
            for headers in ({}, {"Authorization": "Bearer se-cret"}, {"Cookie": f"rowstream_{server.port}=other"}):
                response = server.ask(path, headers=headers)
                assert (response.status, response.headers["www-authenticate"]) == (401, "Bearer")
        assert server.ask("/model?token=other").status == 401
        assert server.ask("/model", headers={"Authorization": "Bearer se-cret_1.~"}).status == 200
        by_address = server.ask("/?token=se-cret_1.~")
        cookie, *attributes = by_address.headers["set-cookie"].split("; ")
        assert (by_address.status, attributes) == (200, ["Path=/", "HttpOnly", "SameSite=Strict"])
        assert server.ask("/draw.js", headers={"Cookie": cookie}).status == 200
        assert server.ask("/model", headers={"Host": "pi.example", "Cookie": cookie}).status == 200


@pytest.mark.sampled
@pytest.mark.parametrize("command", [("serve", "0"), ("run", "--serve", "0")])
def test_the_address_that_is_logged_opens_the_page(command: tuple[str, ...]) -> None:
    """The logged address carries the token, so that a click on it is enough; `run --serve` is an alias."""
    arguments = [sys.executable, "-m", "device", *command, "--model", str(MODELS / "rows2d"), "--token", "se-cret"]
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            url = next(line for line in process.stderr if line.startswith("serving on ")).split()[-1]
            assert url.endswith("/?token=se-cret")
            with urlopen(url) as response:  # noqa: S310  # the test's own server
                assert response.status == 200
        finally:
            process.kill()


@pytest.mark.sampled
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_well_though_somebody_never_finishes_asking(number: signal.Signals) -> None:
    with served() as server, socket.create_connection(("127.0.0.1", server.port)) as asking:
        asking.sendall(
            b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n"
        )
        server.ask("/model")
        status, stderr = server.ended(number)
    assert status == 0
    assert "Traceback" not in stderr
    assert "rror" not in stderr


def test_a_source_is_shown_as_it_is_read(digits: Digits) -> None:
    with serving(Stream([page(digits, (3, 1))])) as port, served("--source", f"http://127.0.0.1:{port}/") as server:
        assert (PAGE / "live.html").read_bytes() in server.ask("/").body
        assert server.ask("/model").json["live"] is True
        states = server.states()
        shown = next(state for state in states if state["picture"] and state["rate_hz"])
        later = next(states)
        status, stderr = server.ended()
    keeps("State", shown)
    assert [reading["label"] for reading in shown["readings"]] == ["3", "1"]
    assert [len(reading["steps"]) for reading in shown["readings"]] == [7, 7]
    assert (shown["picture"]["width"], shown["picture"]["height"]) == (640, 240)
    jpeg = np.frombuffer(base64.b64decode(shown["picture"]["jpeg"]), np.uint8)
    assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (240, 640, 3)
    assert later["sequence"] > shown["sequence"]
    assert (shown["rejected"], shown["candidates"], shown["ended"]) == (0, 2 * shown["frames"], False)
    assert (status, "Traceback" in stderr) == (0, False)


@pytest.mark.thorough
def test_the_page_stays_when_its_source_has_ended(tmp_path: Path, digits: Digits) -> None:
    assert cv2.imwrite(str(tmp_path / "photo.png"), page(digits, (3, 1, 4)))
    with served("--source", tmp_path / "photo.png") as server:
        state = next(state for state in server.states() if state["ended"])
        assert server.classify(digits[0][0].tobytes(), RAW).json["label"] == "0"
        status, stderr = server.ended()
    assert [reading["label"] for reading in state["readings"]] == ["3", "1", "4"]
    assert (state["frame"], state["frames"], state["rate_hz"]) == (0, 1, 0)
    assert (status, "1 frame, 0 dropped, 3 candidates" in stderr) == (0, True)


@pytest.mark.thorough
def test_viewers_who_take_nothing_hold_up_neither_the_source_nor_the_others() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    with (
        ExitStack() as stack,
        serving(Stream([noise])) as port,
        served("--source", f"http://127.0.0.1:{port}/", "--roi", "0,0,64,64") as server,
    ):
        states = server.states()
        next(states)
        for _ in range(50):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(3)
        first = next(states)
        second = next(state for state in states if state["frames"] >= first["frames"] + 30)
        # What each of them was not sent is not kept for it: the queues would hold hundreds of pictures by now.
        assert server.resident_kb() < 400_000
        status, stderr = server.ended()
    assert second["sequence"] > first["sequence"]
    assert (status, "Traceback" in stderr) == (0, False)


@pytest.mark.thorough
def test_an_address_in_use_is_an_error() -> None:
    with served() as server:
        address = f"127.0.0.1:{server.port}"
        child = run_python("-m", "device", "serve", address, "--model", MODELS / "rows2d")
    assert (child.returncode, child.stdout) == (2, "")
    assert f"error: {address}: Expected an address to listen at. Address already in use" in child.stderr


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("here",), "argument HOST:PORT: Expected HOST:PORT, such as 127.0.0.1:8080. Received: here"),
        (("127.0.0.1:99999",), "argument HOST:PORT: Expected a host and a port of 0 to 65535"),
        (
            ("0.0.0.0:0",),
            "error: Expected --token with an address that other machines reach. Received: 0.0.0.0:0 without one",
        ),
        (
            ("[::]:0",),
            "error: Expected --token with an address that other machines reach. Received: [::]:0 without one",
        ),
        (("0", "--token", "a b"), "error: Expected a token of 1 to 200 letters, digits, and . _ ~ -"),
        (("0", "b.npy"), "unrecognized arguments: b.npy"),
        (("0", "--stable", "3", "--one"), "error: Expected --source with --one, --stable. Received none"),
        (("nosuch.invalid:0", "--token", "a"), "error: nosuch.invalid:0: Expected an address of this machine"),
    ],
)
def test_wrong_use_ends_with_2_and_says_why(arguments: tuple[str, ...], message: str) -> None:
    child = run_python("-m", "device", "serve", "--model", MODELS / "rows2d", *arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert message in child.stderr


@pytest.mark.sampled
@pytest.mark.parametrize("source", [(), ("--source", "photo.png")])
def test_without_the_servers_library_it_is_said_what_to_install(
    tmp_path: Path, digits: Digits, bare_site: Callable[..., Path], source: tuple[str, ...]
) -> None:
    assert cv2.imwrite(str(tmp_path / "photo.png"), page(digits, (3,)))
    site = bare_site("numpy", "ai-edge-litert", "opencv-python-headless", "pillow")
    (tmp_path / "device").symlink_to(ROOT / "device")
    model = ("--model", MODELS / "rows2d")
    child = run_python("-m", "device", "serve", "0", *model, *source, folder=tmp_path, site=site)
    assert (child.returncode, child.stdout) == (2, "")
    remedy = pip_install("opencv-python-headless", "pillow", "starlette", "uvicorn")
    assert child.stderr.endswith(f"error: a page needs OpenCV, Pillow, Starlette and Uvicorn: {remedy}\n")
    read = run_python("-m", "device", "watch", "photo.png", *model, folder=tmp_path, site=site)
    assert [json.loads(line)["label"] for line in read.stdout.splitlines()] == ["3"]


def test_without_a_server_its_library_is_not_loaded(tmp_path: Path, digits: Digits) -> None:
    assert cv2.imwrite(str(tmp_path / "photo.png"), page(digits, (3,)))
    code = f"""
import sys
from device.__main__ import main
main(["watch", "--model", "{MODELS / "rows2d"}", "{tmp_path}/photo.png"])
print(sorted(sys.modules.keys() & {{"starlette", "uvicorn"}}))
"""
    assert run_python("-c", code).stdout.splitlines()[-1] == "[]"


def test_prometheus_collects_the_values_of_fields(tmp_path: Path) -> None:
    """`/metrics` has the counts of the source, and of each field its last good value and what failed."""
    (tmp_path / "fields.toml").write_text(
        '[[field]]\nname = "gas"\nregion = [64, 84, 290, 72]\ndigits = 5\ndecimal_places = 1\nink = "light"\n'
        "checks = {never_falls = true}\n"
    )
    for name, number in (("1.png", "01274"), ("2.png", "01250")):
        assert cv2.imwrite(str(tmp_path / name), on_wall(counter(number, 48, np.random.default_rng(3)), 40, 60))
    with served("--source", tmp_path / "*.png", "--fields", tmp_path / "fields.toml") as server:
        next(state for state in server.states() if state["ended"])
        response = server.ask("/metrics")
        page = server.ask("/")
    assert (response.status, response.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = response.body.decode().splitlines()
    assert "# TYPE rowstream_frames_total counter" in lines
    hashed = read_manifest(MODELS / "rows2d").file.sha256
    model = f'rowstream_model_info{{name="rowstream-rows2d",version="0.1.0",sha256="{hashed}",runtime="'
    assert any(line.startswith(model) for line in lines)
    assert {"rowstream_read_seconds_count 2", "rowstream_frames_failed_total 0"} < {*lines}
    assert {"rowstream_frames_total 2", "rowstream_candidates_total 10", "rowstream_rejected_total 0"} < {*lines}
    assert [line for line in lines if line.startswith("rowstream_field")] == [
        'rowstream_field_value{field="gas"} 127.4',
        'rowstream_field_readings_total{field="gas"} 2',
        'rowstream_field_unsure_total{field="gas"} 0',
        'rowstream_field_failed_total{field="gas"} 1',
    ]
    assert page.status == 200


@pytest.mark.thorough
def test_without_a_source_there_are_no_metrics() -> None:
    """The page to draw on has nothing to count."""
    with served() as server:
        assert server.ask("/metrics").status == 404
