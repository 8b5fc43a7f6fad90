"""Tests of what a page without a source answers, over HTTP."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing

import jsonschema
import pytest

from device import __version__
from device.runner import Runner
from tests.conftest import MODELS, Digits
from tests.support.scenes import blank, page
from tests.support.served import PAGE, RAW, Served, keeps, png, served


@pytest.fixture(scope="module")
def canvas() -> Iterator[Served]:
    """A server without a source."""
    with served() as server:
        yield server


def declared_png(width: int, height: int, content: bytes) -> bytes:
    """A grey PNG that declares a size, whatever its pixels are."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", content), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_the_pages_and_all_their_parts_are_served(canvas: Served) -> None:
    kinds = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
    for path in PAGE.iterdir():
        if path.suffix in kinds:
            response = canvas.ask(f"/{path.name}")
            assert (response.status, response.headers["content-type"]) == (200, kinds[path.suffix])
            assert response.body == path.read_bytes()
    assert canvas.ask("/").body == canvas.ask("/draw").body
    assert (PAGE / "draw.html").read_bytes() in canvas.ask("/").body
    assert canvas.ask("/").headers["content-type"] == "text/html; charset=utf-8"


def test_every_answer_has_the_security_headers(canvas: Served) -> None:
    for response in (canvas.ask("/"), canvas.ask("/model"), canvas.ask("/nosuch"), canvas.classify(b"")):
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_pages_hold_no_script_or_style_of_their_own() -> None:
    for path in PAGE.glob("*.html"):
        text = path.read_text()
        assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?://", text) == []


def test_the_model_is_described(canvas: Served) -> None:
    model = canvas.ask("/model").json
    keeps("Model", model)
    manifest = json.loads((MODELS / "rows2d" / "manifest.json").read_text())
    assert (model["name"], model["release"], model["labels"]) == (
        "rowstream-rows2d",
        manifest["version"],
        [*"0123456789"],
    )
    assert (model["steps"], model["lines_per_step"], model["live"]) == (7, 4, False)
    assert (model["digits"], model["kind"], model["shape"]) == (True, "image", [28, 28])


def test_a_raw_crop_is_answered_as_the_runner_answers(canvas: Served, digits: Digits) -> None:
    crop = digits[0][210]
    answer = canvas.classify(crop.tobytes(), RAW).json
    keeps("Answer", answer)
    with Runner(MODELS / "rows2d") as runner:
        expected = list(runner.steps(crop))
        probabilities = runner.probabilities
    assert probabilities is not None
    assert (answer["label"], answer["lines_read"], answer["box"]) == (expected[-1].label, 28, None)
    assert [step["lines_read"] for step in answer["steps"]] == [4, 8, 12, 16, 20, 24, 28]
    assert [step["index"] for step in answer["steps"]] == [prediction.index for prediction in expected]
    assert answer["steps"][-1]["probabilities"] == pytest.approx(probabilities, abs=1e-6)
    assert base64.b64decode(answer["crop"]) == crop.tobytes()


def test_a_grey_png_of_28_by_28_pixels_is_a_crop(canvas: Served, digits: Digits) -> None:
    crop = digits[0][100]
    by_png, raw = canvas.classify(png(crop)).json, canvas.classify(crop.tobytes(), RAW).json
    assert {**by_png, "latency_ms": 0} == {**raw, "latency_ms": 0}


def test_an_inverted_crop_is_answered_with_a_warning(canvas: Served, digits: Digits) -> None:
    """Dark ink on white is read as it is, raw or as PNG, and the answer says what was expected and what to do."""
    inverted = 255 - digits[0][100]
    for answer in (canvas.classify(inverted.tobytes(), RAW).json, canvas.classify(png(inverted)).json):
        keeps("Answer", answer)
        assert answer["warning"] == (
            "The crop looks inverted: most of its border is bright. Expected light ink (255) on a dark background (0). "
            "Invert it, or send its image larger, as a PNG"
        )
    assert canvas.classify(digits[0][100].tobytes(), RAW).json["warning"] is None


def test_a_picture_is_searched_for_its_digit(canvas: Served, digits: Digits) -> None:
    answer = canvas.classify(png(page(digits, (4,), 170, 160))).json
    keeps("Answer", answer)
    assert answer["label"] == "4"
    x, y, width, height = answer["box"]
    assert 40 <= x < x + width <= 130
    assert 35 <= y < y + height <= 125


def test_a_digit_written_small_into_a_corner_is_found(canvas: Served, digits: Digits) -> None:
    image = page(digits, (3,), 900, 900)
    assert canvas.classify(png(image)).json["label"] == "3"


def test_a_blank_image_has_no_label(canvas: Served) -> None:
    response = canvas.classify(png(blank()))
    keeps("Answer", response.json)
    assert (response.status, response.json["label"], response.json["index"], response.json["steps"]) == (
        200,
        None,
        None,
        [],
    )


@pytest.mark.parametrize(
    ("body", "kind", "status", "reason"),
    [
        (b"x", "text/plain", 415, "Expected Content-Type image/png or application/octet-stream. Received: text/plain"),
        (b"x", "", 415, "Expected Content-Type "),
        (b"x" * 783, RAW, 400, "Expected a crop of 784 bytes. Received: 783"),
        (b"", RAW, 400, "Expected a crop of 784 bytes. Received: 0"),
        (b"", "image/png", 400, "Expected a PNG file. Received: 0 bytes"),
        (b"x" * 99, "image/png", 400, "Expected a PNG file. Received: another format"),
        (
            b"\0\0\0\x18ftypheic" + bytes(99),
            "image/png",
            400,
            "Expected a PNG file. Received: HEIC. Convert it to PNG first",
        ),
        (declared_png(9, 9, b"no pixels"), "image/png", 400, "PNG: Expected an image"),
        (declared_png(0, 9, b""), "image/png", 400, "Expected a PNG file. Received: another format"),
        (
            declared_png(60_000, 60_000, b""),
            "image/png",
            413,
            "Expected an image of at most 8,388,608 pixels. Received: 60,",
        ),
        pytest.param(
            bytes(2**23 + 1),
            "image/png",
            413,
            "Expected a body of at most 8,388,608 bytes. Received more",
            id="a body of 8 MiB and a byte",  # of its bytes it would be as long
        ),
    ],
    ids=str,
)
def test_an_unreadable_upload_is_refused_with_its_reason(  # a case's parts
    canvas: Served, body: bytes, kind: str, status: int, reason: str
) -> None:
    response = canvas.classify(body, kind)
    assert response.status == status
    keeps("Error", response.json)
    assert response.json["error"].startswith(reason)


def test_a_picture_cut_off_is_refused(canvas: Served, digits: Digits) -> None:
    whole = png(page(digits, (4,)))
    response = canvas.classify(whole[: len(whole) // 2])
    assert (response.status, "error" in response.json) == (400, True)


def test_a_decompression_bomb_takes_no_memory(canvas: Served) -> None:
    canvas.classify(png(blank(2000, 2000)))
    before = canvas.resident_kb()
    bomb = declared_png(100, 100, zlib.compress(bytes(2**28), 1))
    for _ in range(3):
        assert canvas.classify(bomb).status in {200, 400}
    assert canvas.resident_kb() - before < 100_000


def test_a_body_without_an_end_is_refused(canvas: Served) -> None:
    with closing(canvas.connection()) as connection:
        chunks = (bytes(2**20) for _ in range(1_000))
        try:
            connection.request("POST", "/classify", chunks, {"Content-Type": RAW}, encode_chunked=True)
        except ConnectionError:
            return  # it hung up before all of it was sent
        assert connection.getresponse().status == 413


@pytest.mark.parametrize(
    "path",
    [
        "/nosuch",
        "/../README.md",
        "/..%2fREADME.md",
        "/%2e%2e/device/runner.py",
        "//etc/passwd",
        "/page/draw.js",
        "/draw/",
    ],
)
def test_an_unknown_path_is_not_found(canvas: Served, path: str) -> None:
    response = canvas.ask(path)
    assert response.status == 404
    keeps("Error", response.json)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("DELETE", "/model"), ("GET", "/classify"), ("PUT", "/draw.js")]
)
def test_another_method_is_refused(canvas: Served, method: str, path: str) -> None:
    response = canvas.ask(path, method)
    assert (response.status, list(response.json)) == (405, ["error"])
    assert response.headers["allow"]


def test_without_a_source_there_are_no_events(canvas: Served) -> None:
    assert canvas.ask("/events").status == 404


def test_another_host_name_is_refused(canvas: Served) -> None:
    for host in ("rebound.example", "rebound.example:80", f"127.0.0.1.example:{canvas.port}", ""):
        assert canvas.ask("/model", headers={"Host": host}).status == 421
    for host in ("localhost", f"localhost:{canvas.port}", "127.0.0.1", "[::1]:99"):
        assert canvas.ask("/model", headers={"Host": host}).status == 200


def test_the_description_covers_the_paths_for_programs(canvas: Served) -> None:
    described = canvas.ask("/openapi.json").json
    assert (described["openapi"], described["info"]["version"]) == ("3.1.0", __version__)
    assert {path: [*methods] for path, methods in described["paths"].items()} == {
        "/model": ["get"],
        "/classify": ["post"],
        "/events": ["get"],
        "/metrics": ["get"],
    }
    assert [*described["paths"]["/classify"]["post"]["responses"]] == [
        *("200", "400", "401", "405", "408", "413", "415", "421", "429")
    ]


def test_the_description_has_a_valid_schema_for_each_message(canvas: Served) -> None:
    schemas = canvas.ask("/openapi.json").json["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert schemas["Error"] == {
        "type": "object",
        "description": "Why a request was refused: what was expected and what was received.",
        "properties": {"error": {"type": "string"}},
        "required": ["error"],
        "additionalProperties": False,
    }
    answer = schemas["Answer"]
    assert answer["required"] == [
        "label",
        "index",
        "probability",
        "top",
        "lines_read",
        "latency_ms",
        "box",
        "crop",
        "steps",
        "warning",
    ]
    assert answer["properties"]["label"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert answer["properties"]["box"]["anyOf"][0] == {
        "type": "array",
        "prefixItems": [{"type": "integer"}] * 4,
        "items": False,
        "minItems": 4,
    }
    assert answer["properties"]["steps"]["items"] == {"$ref": "#/components/schemas/Step"}
