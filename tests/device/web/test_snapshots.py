"""Tests of `device.web.snapshots` and `device.web.viewers`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from device.held import Held
from device.runner import Runner
from device.sources.frames import Frame, Source
from device.watch.options import WatchOptions
from device.watch.watcher import Observation, Watcher
from device.web.runner_thread import BusyError, RunnerThread
from device.web.snapshots import Snapshots
from device.web.viewers import Viewers
from tests.conftest import MODELS, Digits
from tests.support.scenes import blank, page


class Still(Source):
    """A source of nothing, that dropped seven frames."""

    dropped = 7

    def __iter__(self) -> Iterator[Frame]:
        return iter(())


@pytest.fixture(scope="module")
def observation(digits: Digits) -> Observation:
    """A frame with two digits."""
    with Runner(MODELS / "rows2d") as runner:
        return Watcher(runner, WatchOptions()).observe(Frame(page(digits, (3, 1)), 5))


@pytest.fixture
def thread() -> Iterator[RunnerThread]:
    """The default model in a thread of its own."""
    thread = RunnerThread(Held(Runner(MODELS / "rows2d")))
    yield thread
    thread.close()


def told(content: bytes) -> dict[str, Any]:
    return dict(json.loads(content.removeprefix(b"data: ")))


def test_the_latest_snapshot_counts_all_frames(observation: Observation) -> None:
    snapshots = Snapshots(Still())
    assert (snapshots.latest.sequence, snapshots.latest.observation) == (0, None)
    for _ in range(3):
        snapshots.take(observation)
    latest = snapshots.latest
    assert latest.observation is observation
    assert (latest.sequence, latest.frames, latest.candidates, latest.rejected, latest.dropped) == (3, 3, 6, 0, 7)


def test_what_the_source_counts_is_current_while_no_frame_comes(observation: Observation) -> None:
    """A camera that is lost gives no frame to count it by; its time is that of the last one."""
    source = Still()
    snapshots = Snapshots(source)
    snapshots.take(replace(observation, latency_ms=2.5))
    snapshots.take(replace(observation, latency_ms=3.5))
    source.failed, source.interruptions, source.dropped = 2, 4, 8
    current = snapshots.current
    assert (current.failed, current.interruptions, current.dropped, current.latency_ms) == (2, 4, 8, 6.0)
    assert current.taken_s == snapshots.latest.taken_s > 0


def test_a_candidate_without_a_label_counts_as_rejected(observation: Observation) -> None:
    frame, (reading, _) = observation.frame, observation.readings
    nothing = type(reading)(frame, None, None, None, reading.timings)
    no_digit = type(reading)(frame, reading.box, reading.crop, None, reading.timings)
    snapshots = Snapshots(Still())
    snapshots.take(Observation(frame, (nothing,), ()))
    snapshots.take(Observation(frame, (no_digit, reading), ()))
    assert (snapshots.latest.candidates, snapshots.latest.rejected) == (2, 1)


def test_at_the_end_the_last_observation_stays(observation: Observation) -> None:
    snapshots = Snapshots(Still())
    snapshots.take(observation)
    snapshots.end()
    assert (snapshots.latest.ended, snapshots.latest.sequence, snapshots.latest.observation) == (True, 2, observation)


def test_a_viewer_is_sent_the_latest_state_and_skips_older_ones(observation: Observation, thread: RunnerThread) -> None:
    async def look() -> list[int]:
        snapshots = Snapshots(Still())
        viewers = Viewers(snapshots, thread)
        stream = viewers.stream()
        seen = [told(await anext(stream))["sequence"]]
        for _ in range(50):
            snapshots.take(observation)
        seen.append(told(await anext(stream))["sequence"])
        snapshots.end()
        seen.append(told(await anext(stream))["sequence"])
        await stream.aclose()
        assert viewers.count == 0
        return seen

    assert asyncio.run(look()) == [0, 50, 51]


def test_a_state_is_encoded_once_for_all_viewers(observation: Observation, thread: RunnerThread) -> None:
    async def look() -> set[int]:
        snapshots = Snapshots(Still())
        snapshots.take(observation)
        streams = [Viewers.stream(viewers) for viewers in [Viewers(snapshots, thread)] * 20]
        contents = await asyncio.gather(*(anext(stream) for stream in streams))
        for stream in streams:
            await stream.aclose()
        return {id(content) for content in contents}

    assert len(asyncio.run(look())) == 1


def test_closing_ends_the_streams(thread: RunnerThread) -> None:
    async def look() -> list[bytes]:
        viewers = Viewers(Snapshots(Still()), thread)

        async def all_of_it() -> list[bytes]:
            return [content async for content in viewers.stream()]

        looking = asyncio.create_task(all_of_it())
        await asyncio.sleep(0.5)
        viewers.close()
        return await looking

    assert [told(content)["sequence"] for content in asyncio.run(look())] == [0]


def test_more_readings_than_can_wait_are_refused(thread: RunnerThread) -> None:
    async def ask() -> int:
        jobs = [thread.do(lambda runner: runner.classify(blank(28, 28)[..., 0]).lines_read) for _ in range(40)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert [result for result in results if isinstance(result, int)] == [28] * 32
        return sum(isinstance(result, BusyError) for result in results)

    assert asyncio.run(ask()) == 8
