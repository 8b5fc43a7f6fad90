"""Tests of `device.sending.post` with a real server on this machine."""

from __future__ import annotations

import pytest

from device.sending.post import Post, checked_url
from tests.support.mosquitto import free_port
from tests.support.posted import Taking, taking


def test_lines_are_posted_as_json_in_their_order() -> None:
    """Each line is one request; the end waits for those that are still to be sent."""
    taken = Taking(204)
    with taking(taken) as url, Post(url) as post:
        for number in range(5):
            post.send({"value": number})
    assert taken.bodies == [(204, {"value": number}) for number in range(5)]
    assert taken.kinds == {"application/json"}


def test_a_server_that_is_busy_gets_the_line_again(caplog: pytest.LogCaptureFixture) -> None:
    """After 503 the same line is sent again, before the next one."""
    taken = Taking(503, 200)
    with taking(taken) as url, Post(url) as post:
        post.send({"value": 1})
        post.send({"value": 2})
    assert taken.bodies == [(503, {"value": 1}), (200, {"value": 1}), (200, {"value": 2})]
    assert caplog.messages == ["127.0.0.1: status 503; posting again in 0.5 s"]


def test_a_server_that_is_not_there_yet_gets_the_line_later() -> None:
    """A line waits for a server that starts after it was sent."""
    port, taken = free_port(), Taking(200)
    with Post(f"http://127.0.0.1:{port}/") as post:
        post.send({"value": 1})
        with taking(taken, port):
            post.close()
    assert taken.bodies == [(200, {"value": 1})]


def test_a_line_that_is_refused_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """After 400 the next line is sent, and the log says why and how many were lost, without the URL's key."""
    taken = Taking(400, 200)
    with taking(taken) as url, Post(url) as post:
        post.send({"value": 1})
        post.send({"value": 2})
    assert taken.bodies == [(400, {"value": 1}), (200, {"value": 2})]
    assert caplog.messages == [
        "error: 127.0.0.1: a line was not posted: status 400",
        "error: 127.0.0.1: 1 line was not posted",
    ]


def test_the_oldest_lines_make_room_while_a_server_does_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    """At most a thousand lines wait; `send` returns at once, and the newest are kept."""
    taken = Taking(200)
    taken.may_answer.clear()
    with taking(taken) as url, Post(url) as post:
        for number in range(1_500):
            post.send({"value": number})
        taken.may_answer.set()
    values = [body["value"] for _, body in taken.bodies]
    assert 1_000 <= len(values) <= 1_002
    assert values[-1_000:] == list(range(500, 1_500))
    assert caplog.messages == [f"error: 127.0.0.1: {1_500 - len(values)} lines were not posted"]


@pytest.mark.parametrize("text", ["", "pi/readings", "ftp://pi/", "file:///etc/passwd", "http://", "http://pi:port/"])
def test_another_address_is_refused(text: str) -> None:
    """Only http and https are posted to."""
    with pytest.raises(ValueError, match="Expected a URL, http://… or https://…"):
        checked_url(text)
